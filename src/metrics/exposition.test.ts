import { expect, test } from 'vitest';
import { COUNTERS, GAUGES, TIER_COUNTERS, TIER_GAUGES } from './exporter-names.ts';
import { Exposition } from './exposition.ts';

test('single values, families and distributions in the text format of Prometheus', async () => {
  const to = new Exposition();
  to.gauge('one', 'Help.', 1.5);
  to.counter('two_total', 'With a label.', 2, { name: 'a "b"\\\n' });
  to.family('gauge', 'three', 'Of some labels.', [
    [{ db: 'db0' }, 3],
    [{ db: 'db1' }, 4],
  ]);
  to.family('gauge', 'nothing', 'Of none.', []);
  const labels = { cmd: 'get' };
  to.distributions('histogram', 'four', 'Counted.', [{ labels, points: [[8, 1]], sum: 9, count: 2 }]);
  to.distributions('summary', 'five', 'Shares.', [{ labels, points: [[99, 7]], sum: 9, count: 2 }]);
  expect(to.contentType).toBe('text/plain; version=0.0.4; charset=utf-8');
  expect(await to.text()).toBe(`# HELP one Help.
# TYPE one gauge
one 1.5

# HELP two_total With a label.
# TYPE two_total counter
two_total{name="a \\"b\\"\\\\\\n"} 2

# HELP three Of some labels.
# TYPE three gauge
three{db="db0"} 3
three{db="db1"} 4

# HELP four Counted.
# TYPE four histogram
four_bucket{cmd="get",le="8"} 1
four_bucket{cmd="get",le="+Inf"} 2
four_sum{cmd="get"} 9
four_count{cmd="get"} 2

# HELP five Shares.
# TYPE five summary
five{cmd="get",quantile="99"} 7
five_sum{cmd="get"} 9
five_count{cmd="get"} 2
`);
});

test('no name stands for two fields', () => {
  const names = [...GAUGES, ...COUNTERS].map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  const tierNames = [...TIER_GAUGES, ...TIER_COUNTERS].map(({ name }) => name);
  expect(new Set(tierNames).size).toBe(tierNames.length);
});
