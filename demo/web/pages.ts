/** HTML, with everything that comes from data escaped. */
import { colour, version } from '../service/release.ts';
import type { Product } from './api.ts';

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

function escape(text: string): string {
  return text.replaceAll(/[&<>"]/g, (character) => ENTITIES[character] ?? character);
}

function price(cents: number): string {
  return `${(cents / 100).toFixed(2)} €`;
}

function page(title: string, content: string): string {
  return `<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <title>${escape(title)} - Demo shop</title>
  <link rel="stylesheet" href="/assets/shop.css">
</head>
<body>
  <header><a href="/">Demo shop</a></header>
  <main>
    <h1>${escape(title)}</h1>
    ${content}
  </main>
  <footer>web ${escape(version)}, ${escape(colour)}</footer>
</body>
</html>
`;
}

export function cataloguePage(products: readonly Product[], number: number): string {
  const rows = products.map(
    ({ id, name, price_cents }) =>
      `<li><a href="/products/${id}">${escape(name)}</a> <span>${price(price_cents)}</span></li>`,
  );
  const next = `<nav><a href="/?page=${number + 1}">More</a></nav>`;
  return page('Products', `<ul>\n${rows.join('\n')}\n</ul>\n${next}`);
}

export function productPage({ name, category, price_cents, stock }: Product): string {
  const facts = `<p>${escape(category)}</p><p>${price(price_cents)}</p><p>${stock} in stock</p>`;
  return page(name, facts);
}

export function messagePage(title: string, text: string): string {
  return page(title, `<p>${escape(text)}</p>`);
}
