import { RequestIdSchema } from 'message-board/contract';
import { jsonService, NoQuerySchema, parse, type Service } from 'service/http';
import { IDEMPOTENCY_HEADER, ListQuerySchema, SignHeadersSchema, SignSchema, WaitQuerySchema } from './contract.js';
import { Gateway, type GatewayDeps } from './gateway.js';

/** Room for the longest message, 64 KiB, when JSON escapes each of its bytes as six. */
const MAX_BODY_BYTES = 512 * 1024;

export interface GatewayService extends Service {
  readonly gateway: Gateway;
}

export function createApp(deps: GatewayDeps): GatewayService {
  const gateway = new Gateway(deps);
  const service = jsonService(deps.logger, MAX_BODY_BYTES, (app, ended) => {
    app.post('/sign', async (request, response) => {
      const asked = parse(SignSchema, request.body);
      const { wait = 0 } = parse(WaitQuerySchema, request.query);
      const { [IDEMPOTENCY_HEADER]: key } = parse(SignHeadersSchema, request.headers);
      response.json(await gateway.sign(asked, key, wait, ended(response)));
    });
    app.get('/status/:id', async (request, response) => {
      const { id } = request.params;
      const { wait = 0 } = parse(WaitQuerySchema, request.query);
      const wellFormed = RequestIdSchema.safeParse(id).success;
      const status = wellFormed ? await gateway.status(id, wait, ended(response)) : undefined;
      if (status === undefined) response.status(404).json({ request_id: id, status: 'not_found' });
      else response.json(status);
    });
    app.get('/requests', async (request, response) => {
      response.json(await gateway.list(parse(ListQuerySchema, request.query)));
    });
    app.delete('/requests/:id', async (request, response) => {
      const { id } = request.params;
      parse(NoQuerySchema, request.query);
      const wellFormed = RequestIdSchema.safeParse(id).success;
      const status = wellFormed ? await gateway.cancel(id, ended(response)) : undefined;
      if (status === undefined) response.status(404).json({ request_id: id, status: 'not_found' });
      else response.status(202).json(status);
    });
    app.get('/publickey', async (_request, response) => {
      const public_key = await gateway.key.get();
      gateway.key.refuseConflict();
      response.json({ public_key });
    });
    app.get('/health', async (_request, response) => {
      response.json(await gateway.health());
    });
    app.get('/ready', async (_request, response) => {
      await gateway.ready(ended(response));
      response.json({ status: 'ready' });
    });
  });
  return { ...service, gateway };
}
