import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { Config } from '../src/config/config.ts';
import { temporaryDirectory } from './support/servers.ts';

function read(path: string): string {
  return readFileSync(join(import.meta.dirname, '..', path), 'utf8');
}

/** Loads a configuration whose directory may be missing here; throws what a start would end with. */
function load(text: string, args: readonly string[] = []): Config {
  const directory = temporaryDirectory();
  const file = join(directory, 'thermocline.conf');
  writeFileSync(file, text.replace(/^dir .*$/m, `dir ${directory}`));
  return new Config([file, ...args]);
}

describe('the container', () => {
  const dockerfile = read('Dockerfile');

  test('is started with arguments that the server takes', () => {
    const words = JSON.parse(/^CMD (\[.*\])$/m.exec(dockerfile)?.[1] ?? '') as string[];
    const { values } = load(read('conf/thermocline.conf'), words.slice(1));
    expect(values['metrics-port']).toBe(9121);
    expect(values['flex-storage-path']).toBe('/data/flex');
    expect(dockerfile).toContain(`EXPOSE ${values.port} ${values['metrics-port']}`);
  });

  test('runs as nobody special, with a volume and a check of its health', () => {
    expect(dockerfile.indexOf('USER node')).toBeLessThan(dockerfile.indexOf('ENTRYPOINT'));
    expect(dockerfile).toMatch(/^VOLUME \/data$/m);
    const check = JSON.parse(/HEALTHCHECK[^[]*(\[.*\])/.exec(dockerfile)?.[1] ?? '') as string[];
    // Nothing listens here, so the script has to run and fail.
    const script = check[2].replace('9121', '1');
    expect(spawnSync(process.execPath, ['-e', script]).status).toBe(1);
  });

  test('is given all that it copies', () => {
    for (const [, from] of dockerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm))
      for (const path of from.split(' '))
        expect([path, existsSync(join(import.meta.dirname, '..', path))]).toEqual([path, true]);
  });
});

describe('Kubernetes', () => {
  const text = read('deploy/kubernetes/statefulset.yaml');

  test('the configuration loads', () => {
    const config = /thermocline\.conf: \|\n((?: {4}.*\n|\n)+)/.exec(text)?.[1].replace(/^ {4}/gm, '');
    const { values, warnings } = load(config ?? '');
    expect(warnings).toEqual([]);
    expect(values['metrics-port']).toBe(9121);
    expect(values['enable-flex']).toBe(true);
  });

  test('what is asked of the endpoint it answers', () => {
    const paths = [...text.matchAll(/path: (\/[a-z]+)$/gm)].map(([, path]) => path);
    expect(new Set(paths)).toEqual(new Set(['/metrics', '/healthz', '/readyz']));
  });
});

describe('systemd', () => {
  const path = join(import.meta.dirname, '..', 'deploy', 'systemd', 'thermocline.service');

  test('the server takes the arguments of the unit', () => {
    const words = /^ExecStart=.*?\.conf (.*)$/m.exec(read('deploy/systemd/thermocline.service'))?.[1] ?? '';
    expect(load('', words.split(' ')).values).toMatchObject({ supervised: 'systemd', daemonize: false });
  });

  test.runIf(spawnSync('systemd-analyze', ['--version']).status === 0 && existsSync('/usr/bin/node'))(
    'the unit has no fault',
    () => {
      const { status, stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', path], {
        encoding: 'utf8',
      });
      expect([status, stderr]).toEqual([0, '']);
    },
  );
});
