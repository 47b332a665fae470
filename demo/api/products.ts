/** The catalogue: read from Postgres, kept in Redis for a short while. */
import { setTimeout as sleep } from 'node:timers/promises';
import { HttpError, json, type Route } from '../service/http.ts';
import { cached, tryCache } from './cache.ts';
import { query } from './database.ts';

export interface Product {
  readonly id: number;
  readonly name: string;
  readonly category: string;
  readonly price_cents: number;
  readonly stock: number;
}

const PAGE = 20;
const COLUMNS = 'id, name, category, price_cents, stock';

/**
 * Stands for what a real shop does for a page (prices, taxes, recommendations): waiting, not
 * computing, and with a tail, so that percentiles mean something on an idle machine.
 */
export async function shopWork(): Promise<void> {
  await sleep(8 + 34 * Math.random() ** 2);
}

async function list(page: number): Promise<Product[]> {
  return query<Product>(`select ${COLUMNS} from products order by id limit ${PAGE} offset $1`, [page * PAGE]);
}

async function search(text: string): Promise<Product[]> {
  return query<Product>(`select ${COLUMNS} from products where name ilike '%' || $1 || '%' order by id limit ${PAGE}`, [
    text,
  ]);
}

export async function product(id: number): Promise<Product> {
  const found = await cached(`product:${id}`, 600, () =>
    query<Product>(`select ${COLUMNS} from products where id = $1`, [id]),
  );
  if (found[0] === undefined) throw new HttpError(404, `product ${id} does not exist`);
  return found[0];
}

export function wholeNumber(value: unknown, what: string, max = 1_000_000): number {
  const number = Number(value);
  if (Number.isInteger(number) && number >= 0 && number <= max) return number;
  throw new HttpError(400, `${what} must be a whole number from 0 to ${max}`);
}

export const productRoutes: Route[] = [
  {
    method: 'GET',
    path: '/api/products',
    handle: async ({ url }) => {
      await shopWork();
      const text = url.searchParams.get('q');
      if (text) return json({ products: await search(text.slice(0, 40)) });
      const page = wholeNumber(url.searchParams.get('page') ?? 0, 'page', 10_000);
      return json({ page, products: await cached(`page:${page}`, 300, () => list(page)) });
    },
  },
  {
    method: 'GET',
    path: '/api/products/:id',
    handle: async ({ params }) => {
      await shopWork();
      const found = await product(wholeNumber(params['id'], 'the product id'));
      // Lives as long as the shop does: a key without expiry.
      await tryCache((client) => client.zincrby('views:products', 1, String(found.id)));
      return json(found);
    },
  },
];
