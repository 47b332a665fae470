/** The pages of the shop. All data comes from the API. */
import { crashIfFaulty, leakIfFaulty, neverHealthy } from '../service/faults.ts';
import { json, type Answer, type Call, type Route } from '../service/http.ts';
import { log } from '../service/log.ts';
import { colour, service, version } from '../service/release.ts';
import { serve } from '../service/server.ts';
import { ApiError, readApi, type Product } from './api.ts';
import { cataloguePage, messagePage, productPage } from './pages.ts';
import stylesheet from './shop.css';

function html(body: string, status = 200): Answer {
  return { status, type: 'text/html; charset=utf-8', body };
}

/** A page of the shop; when the API fails, one that says so, with a status that says so. */
async function fromApi(call: Call, render: () => Promise<string>): Promise<Answer> {
  try {
    return html(await render());
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) {
      return html(messagePage('Not found', 'There is no such product.'), 404);
    }
    const reason = error instanceof Error ? error.message : String(error);
    log('error', 'api failed', { requestId: call.requestId, reason });
    return html(messagePage('Sorry', 'The shop has a problem just now. Please try again.'), 502);
  }
}

const routes: Route[] = [
  {
    method: 'GET',
    path: '/',
    handle: (call) =>
      fromApi(call, async () => {
        const number = Math.trunc(Number(call.url.searchParams.get('page') ?? 0)) || 0;
        const { products } = await readApi<{ products: Product[] }>(`/products?page=${number}`, call);
        return cataloguePage(products, number);
      }),
  },
  {
    method: 'GET',
    path: '/products/:id',
    handle: (call) =>
      fromApi(call, async () => {
        const id = encodeURIComponent(call.params['id'] ?? '');
        return productPage(await readApi<Product>(`/products/${id}`, call));
      }),
  },
  {
    method: 'GET',
    path: '/assets/shop.css',
    handle: () => ({
      status: 200,
      type: 'text/css',
      body: stylesheet,
      headers: { 'cache-control': 'public, max-age=3600' },
    }),
  },
  {
    // Says that the web service works, not that the API does: each is asked for itself.
    method: 'GET',
    path: '/health',
    internal: true,
    handle: () => {
      const status = neverHealthy ? 'down' : 'ok';
      const report = { status, service, version, colour, uptimeSeconds: Math.round(process.uptime()) };
      return json(report, neverHealthy ? 503 : 200, { 'cache-control': 'no-store' });
    },
  },
];

crashIfFaulty();
leakIfFaulty();
serve(routes, async () => {});
