import { describe, expect, test } from 'vitest';
import { createEngine, expectSteps, RESIDENCIES } from '../../test/support/engine.ts';

const SICILY = ['13.361389', '38.115556', 'Palermo', '15.087269', '37.502669', 'Catania'];

describe.each(RESIDENCIES)('%s', (residency) => {
  test('places are scores of a sorted set', () => {
    expectSteps(createEngine({ residency }), [
      [
        ['GEOADD', 'g', ...SICILY],
        ':2',
        ['ZADD g 3479099956230698 Palermo 3479447370796909 Catania'],
        ['z zadd g'],
      ],
      ['GEODIST g Palermo Catania', '$166274.1516'],
      ['GEODIST g Palermo Catania km', '$166.2742'],
      ['GEODIST g Palermo none', '$-1'],
      ['GEODIST g Palermo Catania yd', '-ERR unsupported unit provided. please use M, KM, FT, MI'],
      ['GEOHASH g Palermo none', ['$sqc8b49rny0', '$-1']],
      ['GEOPOS g Palermo none', [['$13.36138933897018433', '$38.11555639549629859'], '*-1']],
      ['GEOADD g 181 0 x', '-ERR invalid longitude,latitude pair 181.000000,0.000000'],
      ['GEOADD g NX XX 1 1 x', '-ERR syntax error'],
    ]);
  });

  test('searches by circle and by box, replied and stored', () => {
    const engine = createEngine({ residency });
    engine.run('GEOADD', 'g', ...SICILY);
    expectSteps(engine, [
      ['GEOSEARCH g FROMLONLAT 15 37 BYRADIUS 200 km ASC', ['$Catania', '$Palermo']],
      [
        'GEOSEARCH g FROMLONLAT 15 37 BYRADIUS 100 km WITHDIST WITHHASH',
        [['$Catania', '$56.4413', ':3479447370796909']],
      ],
      ['GEOSEARCH g FROMMEMBER Palermo BYBOX 400 400 km DESC COUNT 1', ['$Catania']],
      ['GEOSEARCH g FROMMEMBER none BYBOX 1 1 km', '-ERR could not decode requested zset member'],
      [
        'GEOSEARCH g BYBOX 1 1 km ASC ANY',
        '-ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for geosearch',
      ],
      ['GEORADIUS_RO g 15 37 200 km ASC', ['$Catania', '$Palermo']],
      ['GEORADIUSBYMEMBER g Palermo 1 km', ['$Palermo']],
      ['GEOSEARCHSTORE to g FROMLONLAT 15 37 BYRADIUS 200 km', ':2', 'same', ['z geosearchstore to']],
      ['GEORADIUS g 15 37 200 km STOREDIST to', ':2', 'same', ['z georadiusstore to']],
      ['ZRANGE to 0 -1', ['$Catania', '$Palermo']],
      ['GEOSEARCHSTORE to g FROMLONLAT 0 0 BYRADIUS 1 m', ':0', 'same', ['g del to']],
    ]);
    engine.run('GEOSEARCHSTORE', 'km', 'g', 'FROMLONLAT', 15, 37, 'BYRADIUS', 200, 'km', 'STOREDIST');
    expect(Number(engine.run('ZSCORE', 'km', 'Palermo').value)).toBeCloseTo(190.4424, 3);
  });
});
