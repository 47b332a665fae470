/** The API of the shop. */
import { crashIfFaulty, leakIfFaulty } from '../service/faults.ts';
import { serve } from '../service/server.ts';
import { closeCache } from './cache.ts';
import { closeDatabase } from './database.ts';
import { healthRoute } from './health.ts';
import { loginRoute } from './login.ts';
import { orderRoutes } from './orders.ts';
import { probeRoutes } from './probes.ts';
import { productRoutes } from './products.ts';
import { uploadRoutes } from './uploads.ts';
import { serveWebSocket } from './websocket.ts';

crashIfFaulty();
leakIfFaulty();

const server = serve(
  [healthRoute, ...productRoutes, ...orderRoutes, loginRoute, ...uploadRoutes, ...probeRoutes],
  async () => {
    await Promise.all([closeDatabase(), closeCache()]);
  },
);
const endConversations = serveWebSocket(server);
process.once('SIGTERM', endConversations);
process.once('SIGINT', endConversations);
