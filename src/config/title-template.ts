/** What `proc-title-template` may name. */
export const TITLE_VARIABLES = [
  'title',
  'listen-addr',
  'server-mode',
  'port',
  'tls-port',
  'unixsocket',
  'config-file',
] as const;

export type TitleVariable = (typeof TITLE_VARIABLES)[number];

/**
 * Puts values in the place of `{name}`, and `{` in that of `{{`; undefined if a brace is not closed or a name is none of
 * {@link TITLE_VARIABLES} (sdstemplate). Spaces around the whole go.
 */
export function expandTitle(
  template: string,
  give: (variable: TitleVariable) => string | number,
): string | undefined {
  let isValid = true;
  const text = template.replace(/\{\{|\{([^}]*)\}|\{.*$/gs, (match: string, name: string | undefined) => {
    if (match === '{{') return '{';
    const variable = TITLE_VARIABLES.find((candidate) => candidate === name?.toLowerCase());
    if (variable === undefined) isValid = false;
    return variable === undefined ? '' : `${give(variable)}`;
  });
  return isValid ? text.replace(/^ +| +$/g, '') : undefined;
}

/** The reason to refuse a template, if there is one. */
export function checkTitleTemplate(template: string): string | undefined {
  if ((expandTitle(template, () => 'x') ?? '') !== '') return undefined;
  return 'template format is invalid or contains unknown variables';
}
