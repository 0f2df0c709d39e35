import type { Directive, Support } from './directive.ts';
import { DIRECTIVE_GROUPS, FILE_DIRECTIVES } from './directives.ts';

const SUPPORT: Record<Support, string> = { full: 'yes', accepted: 'no effect', refused: 'not yet' };

function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}

function row(name: string, directive: Directive<unknown>): string {
  const { type, summary, aliases, since, support } = directive;
  const value = type.format(directive.default);
  const notes = [
    summary,
    aliases.length === 0 ? '' : `Also: ${aliases.map((alias) => `\`${alias}\``).join(', ')}.`,
    directive.isProtected ? 'Protected.' : '',
    directive.isHidden ? 'Hidden.' : '',
  ].filter((note) => note !== '');
  const cells = [
    `\`${name}\``,
    value === '' ? '""' : `\`${value}\``,
    type.description,
    directive.isImmutable ? 'start' : 'run time',
    SUPPORT[support],
    since,
    notes.join(' '),
  ];
  return `| ${cells.map(cell).join(' | ')} |\n`;
}

/** The text of docs/config.md, which `npm run docs` writes from the table of directives. */
export function configPage(): string {
  const groups = DIRECTIVE_GROUPS.map(
    ([title, directives]) =>
      `## ${title}\n\n| directive | default | value | set at | supported | since | |\n|---|---|---|---|---|---|---|\n` +
      Object.entries(directives)
        .map(([name, directive]) => row(name, directive))
        .join(''),
  );
  const fileOnly = Object.entries(FILE_DIRECTIVES).map(
    ([name, { summary, support }]) => `| \`${name}\` | ${SUPPORT[support]} | ${cell(summary)} |\n`,
  );
  return `# Configuration

<!-- Made from the table in src/config/directives.ts by \`npm run docs\`; do not edit. -->

Thermocline reads the configuration file of Redis, by the same rules:

    thermocline-server [file] [-] [--directive value ...]

The file comes first, then standard input if there is a \`-\`, then the command line; the last one counts. A line holds
a directive and its words. Words with spaces stand in quotes: in double quotes \`\\n\`, \`\\r\`, \`\\t\`, \`\\b\`, \`\\a\`, \`\\"\`,
\`\\\\\` and \`\\xHH\` mean what they mean in C, in single quotes only \`\\'\` is special. A line that begins with \`#\` is a
comment. Memory takes a unit: \`1k\` is 1000 bytes, \`1kb\` is 1024, and likewise \`m\`, \`mb\`, \`g\`, \`gb\`. Lines of \`save\`
add up; \`save ""\` takes back those before it.

An unknown directive or a bad value ends the start with the file, the line and the reason.

What the columns say:

- *set at*: what is set at *run time* can be changed with CONFIG SET, what is set at *start* cannot. Protected
  directives need \`enable-protected-configs\` for it. CONFIG REWRITE writes the values in force into the file.
- *supported*: *yes*: it does what it says. *no effect*: accepted, since ignoring it cannot surprise; any value but the
  default gives a warning. *not yet*: what it governs does not exist yet, so any value that asks for it is an error.
- *since*: the version of Redis that brought it, if that is 6.2 or later; for the tier's own, Thermocline's.

${groups.join('\n')}
## In a file only

| directive | supported | |
|---|---|---|
${fileOnly.join('')}`;
}
