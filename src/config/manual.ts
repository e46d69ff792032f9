// The tables of docs/configuration.md, derived from the settings table.
import { environmentNames } from './names.js';
import { settings, sinkSettings, tokenSettings } from './settings.js';
import type { SettingKey } from './settings.js';

interface Row {
  readonly kind: string;
  readonly doc: string;
  readonly limits: string;
  readonly adaptive?: string;
  readonly fallback?: string;
  readonly restart?: true;
}

/** One row a setting: file key, aliases, default, limits, whether a reload applies it, meaning. */
export function settingsTable(): string {
  return table(
    ['File key', 'Also', 'Default', 'Limits', 'Reload', 'Meaning'],
    Object.entries(settings as Record<string, Row>).map(([key, row]) => [
      keyCell(key, row),
      codes(
        environmentNames(key as SettingKey)
          .slice(1)
          .filter((name) => !name.startsWith('BAO_')),
      ),
      defaultCell(row),
      row.limits,
      reloadCell(row),
      row.doc,
    ]),
  );
}

/** The fields of one entry of `tokens`. */
export function tokensTable(): string {
  return entryTable('tokens.<name>.', tokenSettings);
}

/** The fields of one entry of `sinks`. */
export function sinksTable(): string {
  return entryTable('', sinkSettings);
}

function entryTable(prefix: string, rows: Readonly<Record<string, Row>>): string {
  return table(
    ['Key', 'Default', 'Limits', 'Reload', 'Meaning'],
    Object.entries(rows).map(([field, row]) => [
      `\`${prefix}${field}\``,
      defaultCell(row),
      row.limits,
      reloadCell(row),
      row.doc,
    ]),
  );
}

function keyCell(key: string, { kind }: Row): string {
  return kind === 'secret' ? `\`${key}\`, \`${key}_file\`` : `\`${key}\``;
}

function defaultCell({ fallback, adaptive }: Row): string {
  if (fallback !== undefined) return codes([fallback]);
  return adaptive ?? '–';
}

function reloadCell({ restart }: Row): string {
  return restart === true ? 'restart' : 'yes';
}

function codes(names: readonly string[]): string {
  return names.map((name) => `\`${name}\``).join(', ');
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}
