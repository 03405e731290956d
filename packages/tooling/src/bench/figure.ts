// One measured figure and the line that people and scripts read: `NAME value unit bar ok|short`.
import type { Bar } from './contract.ts';

export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly bar: Bar | null;
}

export function isShort({ value, bar }: Figure): boolean {
  if (bar === null) return false;
  // Written so that NaN is short.
  return 'atMost' in bar ? !(value <= bar.atMost) : !(value >= bar.atLeast);
}

export function formatBar(bar: Bar | null): string {
  if (bar === null) return '-';
  return 'atMost' in bar ? `<=${bar.atMost}` : `>=${bar.atLeast}`;
}

/** Three significant digits, and every digit before the point. */
export function formatValue(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  return Math.abs(value) >= 100 ? value.toFixed(0) : String(Number(value.toPrecision(3)));
}

/** The figures as aligned lines, one each. */
export function formatFigures(figures: readonly Figure[]): string[] {
  const rows = figures.map((figure) => [
    figure.name,
    formatValue(figure.value),
    figure.unit,
    formatBar(figure.bar),
    isShort(figure) ? 'short' : 'ok',
  ]);
  const widths = [0, 1, 2, 3].map((column) => Math.max(0, ...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) =>
    row
      .map((cell, column) => (column === 1 ? cell.padStart(widths[1] ?? 0) : cell.padEnd(widths[column] ?? 0)))
      .join(' '),
  );
}
