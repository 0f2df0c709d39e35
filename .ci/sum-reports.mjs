// node .ci/sum-reports.mjs BROKEN REPORT...: adds up vitest's JSON reports and prints "N passed, N failed".
// BROKEN is 1 when a runner ended with an error. The exit code is 0 only when nothing at all failed.
import { existsSync, readFileSync } from 'node:fs';

const [broken, ...reports] = process.argv.slice(2);
let passed = 0;
let failed = 0;
for (const path of reports) {
  if (!existsSync(path)) {
    console.log(`no report: ${path}`);
    failed++;
    continue;
  }
  const report = JSON.parse(readFileSync(path, 'utf8'));
  passed += report.numPassedTests;
  failed += report.numFailedTests;
  // A file that does not load has no tests that could fail.
  for (const file of report.testResults) {
    if (file.status === 'failed' && !file.assertionResults.some((result) => result.status === 'failed')) {
      console.log(`did not run: ${file.name}`);
      failed++;
    }
  }
}
if (broken === '1' && failed === 0) failed = 1;
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
