/** What customers do, and how often. */
import type { Sending } from './client.ts';

const PRODUCTS = 3_000;
const BESTSELLERS = 60;
const PAGES = 12;
const CUSTOMERS = 200;
const UPLOADS = 100;
const WRONG_LOGINS = 0.15;

function upTo(count: number): number {
  return 1 + Math.floor(Math.random() * count);
}

/** Most customers want the same few things; that is what makes a cache worth having. */
function popularProduct(): number {
  return upTo(Math.random() < 0.93 ? BESTSELLERS : PRODUCTS);
}

/** Nearly everybody looks at the first pages only. */
function popularPage(): number {
  return Math.floor(PAGES * Math.random() ** 3);
}

const json = (value: unknown): string => JSON.stringify(value);

function login(): Sending {
  const number = upTo(CUSTOMERS);
  const password = Math.random() < WRONG_LOGINS ? 'guess' : `password-${number}`;
  return { method: 'POST', path: '/api/login', body: json({ user: `user${number}`, password }) };
}

function order(): Sending {
  const body = json({
    customer: `user${upTo(CUSTOMERS)}`,
    productId: popularProduct(),
    quantity: upTo(3),
  });
  return { method: 'POST', path: '/api/orders', body };
}

function cart(): Sending {
  const body = json({ productId: popularProduct() });
  return { method: 'POST', path: `/api/cart/user${upTo(CUSTOMERS)}`, body };
}

function upload(): Sending {
  const body = Buffer.alloc(1_000 * upTo(20), upTo(255));
  return { method: 'POST', path: `/api/uploads/photo-${upTo(UPLOADS)}.bin`, body };
}

const actions: readonly (readonly [weight: number, make: () => Sending])[] = [
  [25, () => ({ path: `/products/${popularProduct()}` })],
  [15, () => ({ path: `/?page=${popularPage()}` })],
  [5, () => ({ path: '/assets/shop.css' })],
  [25, () => ({ path: `/api/products/${popularProduct()}` })],
  [10, () => ({ path: `/api/products?page=${popularPage()}` })],
  [3, () => ({ path: `/api/products?q=${upTo(99)}` })],
  [4, () => ({ path: '/api/orders?limit=10' })],
  [6, cart],
  [3, login],
  [2, order],
  [1, () => ({ method: 'POST', path: '/api/echo', body: json({ hello: 'shop' }) })],
  [1, upload],
];
const total = actions.reduce((sum, [weight]) => sum + weight, 0);

/** What the next customer does. */
export function nextAction(): Sending {
  let rest = Math.random() * total;
  for (const [weight, make] of actions) {
    rest -= weight;
    if (rest < 0) return make();
  }
  return { path: '/' };
}
