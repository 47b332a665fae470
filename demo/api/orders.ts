/** Carts (in Redis) and orders (in Postgres, in one transaction a statement). */
import { HttpError, json, readJson, type Route } from '../service/http.ts';
import { tryCache } from './cache.ts';
import { query } from './database.ts';
import { product, shopWork, wholeNumber } from './products.ts';

const CART_SECONDS = 7_200;
const MAIL_QUEUE_LENGTH = 500;

interface Order {
  readonly id: number;
  readonly customer: string;
  readonly product_id: number;
  readonly quantity: number;
  readonly total_cents: number;
  readonly created_at: string;
}

function customerOf(value: unknown): string {
  if (typeof value === 'string' && /^[\w.@-]{1,60}$/.test(value)) return value;
  throw new HttpError(400, 'customer must be 1 to 60 letters, digits, or one of . @ _ -');
}

export const orderRoutes: Route[] = [
  {
    method: 'POST',
    path: '/api/cart/:customer',
    handle: async ({ request, params }) => {
      const customer = customerOf(params['customer']);
      const body = await readJson(request);
      const { id } = await product(wholeNumber(body['productId'], 'productId'));
      const key = `cart:${customer}`;
      const count = await tryCache(async (client) => {
        const total = await client.hincrby(key, String(id), 1);
        await client.expire(key, CART_SECONDS);
        return total;
      });
      if (count === undefined) throw new HttpError(503, 'carts are not available just now');
      return json({ customer, productId: id, count });
    },
  },
  {
    method: 'POST',
    path: '/api/orders',
    handle: async ({ request }) => {
      await shopWork();
      const body = await readJson(request);
      const customer = customerOf(body['customer']);
      const quantity = wholeNumber(body['quantity'] ?? 1, 'quantity', 100);
      const { id, price_cents } = await product(wholeNumber(body['productId'], 'productId'));
      const [order] = await query<Order>(
        `insert into orders (customer, product_id, quantity, total_cents)
         values ($1, $2, $3, $4) returning *`,
        [customer, id, quantity, price_cents * quantity],
      );
      await tryCache(async (client) => {
        await client.incr('orders:count');
        await client.lpush('queue:mail', JSON.stringify({ customer, order: order?.id }));
        await client.ltrim('queue:mail', 0, MAIL_QUEUE_LENGTH - 1);
        await client.del(`cart:${customer}`);
      });
      return json(order, 201);
    },
  },
  {
    method: 'GET',
    path: '/api/orders',
    handle: async ({ url }) => {
      await shopWork();
      const limit = wholeNumber(url.searchParams.get('limit') ?? 20, 'limit', 100);
      const orders = await query<Order>('select * from orders order by id desc limit $1', [limit]);
      return json({ orders });
    },
  },
  {
    method: 'GET',
    path: '/api/orders/:id',
    handle: async ({ params }) => {
      await shopWork();
      const id = wholeNumber(params['id'], 'the order id', 1_000_000_000);
      const [order] = await query<Order>('select * from orders where id = $1', [id]);
      if (order === undefined) throw new HttpError(404, `order ${id} does not exist`);
      return json(order);
    },
  },
];
