// The diagram as a page for a browser, complete in itself: kinds of marks can be hidden, and the story stands beneath.
import { escaped, markKinds } from './diagram.ts';

export interface PageOptions {
  readonly title: string;
  readonly diagram: string;
  readonly story: Iterable<string>;
}

const hiding = markKinds.map((kind) => `body.hide-${kind} svg .${kind}`).join(',');

export function renderPage({ title, diagram, story }: PageOptions): string {
  const boxes = markKinds.map((kind) => `<label><input type="checkbox" value="${kind}" checked> ${kind}</label>`);
  return [
    '<!doctype html>',
    `<html lang="en"><head><meta charset="utf-8"><title>${escaped(title)}</title>`,
    `<style>body{font:13px sans-serif;margin:1em}form{position:sticky;top:0;background:#fff;padding:.4em}label{margin-right:1em}${hiding}{display:none}</style>`,
    '</head><body>',
    `<form>${boxes.join('')}</form>`,
    diagram,
    `<details><summary>the story</summary><pre>${[...story].map(escaped).join('\n')}</pre></details>`,
    "<script>document.forms[0].addEventListener('change',(event)=>document.body.classList.toggle('hide-'+event.target.value,!event.target.checked))</script>",
    '</body></html>',
    '',
  ].join('\n');
}
