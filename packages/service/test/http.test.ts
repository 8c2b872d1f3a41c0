import { describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import request from 'supertest';
import { z } from 'zod';
import { parseEnv } from '../src/env.js';
import { ServiceError } from '../src/errors.js';
import { jsonService, parse, type Service } from '../src/http.js';

const BodySchema = z.strictObject({
  message: z.string().min(1, 'must be short').regex(/^\w+$/, 'must be short'),
  kind: z.enum(['a', 'b']).optional(),
});
const service = (): Service =>
  jsonService(pino({ level: 'silent' }), 1_000, (app) => {
    app.post('/sign', (asked, response) => {
      response.json(parse(BodySchema, asked.body));
    });
    app.get('/things/:id', (asked, response) => {
      response.json({ id: asked.params.id });
    });
    app.put('/things/:id', (asked, response) => {
      response.json({ id: asked.params.id });
    });
    app.get('/fails/:status', (asked) => {
      throw new ServiceError(Number(asked.params.status), 'some_code', 'why');
    });
  });

async function post(body: string) {
  const answer = await request(service().app).post('/sign').set('content-type', 'application/json').send(body);
  return [answer.status, answer.body as unknown] as const;
}
const error = (code: string, message: unknown) => ({ error: { code, message } });

describe('a body', () => {
  it.each([
    ['{"message":"one","message":"two"}', 'message'],
    ['{"message":"one","mess\\u0061ge":"one"}', 'message'],
    ['{"message":"one","x":{"y":[{"z":1,"z":2}]}}', 'z'],
  ])('%s is refused, naming the key that is there twice', async (body, key) => {
    expect(await post(body)).toEqual([400, error('malformed_json', `${key}: is there twice`)]);
  });

  it('has one meaning, or is refused with what is wrong', async () => {
    expect(await post('{"message":"one"}')).toEqual([200, { message: 'one' }]);
    expect(await post('{"message":"one"')).toEqual([400, error('malformed_json', 'body: is not JSON, or no object')]);
    const { app } = service();
    const latin1 = await request(app).post('/sign').set('content-type', 'application/json')
      .serialize((sent: unknown) => sent as string).send(Buffer.from('{"message":"\xe9"}', 'latin1'));
    expect([latin1.status, latin1.body]).toEqual([400, error('malformed_json', 'body: is not UTF-8')]);
  });

  it.each([
    ['null', 'malformed_json', 'body: is not JSON, or no object'],
    ['[]', 'invalid_request', 'body: must be an object'],
    ['{}', 'invalid_request', 'message: is required'],
    ['{"message":1}', 'invalid_request', 'message: must be text'],
    ['{"message":"a","kind":"c"}', 'invalid_request', 'kind: must be a or b'],
  ])('%s is refused in plain words', async (body, code, message) => {
    expect(await post(body)).toEqual([400, error(code, message)]);
  });

  it('that is missing, too large or of another type is refused with what would be right', async () => {
    const { app } = service();
    const none = await request(app).post('/sign').set('content-type', 'application/json');
    expect(none.body).toEqual(error('invalid_request', 'message: is required'));
    expect(await post(`{"message":"${'m'.repeat(1_000)}"}`)).toEqual([
      413, error('body_too_large', 'body: is larger than this path takes, which is 1000 bytes'),
    ]);
    const text = await request(app).post('/sign').set('content-type', 'text/plain').send('m');
    expect([text.status, text.body]).toEqual([415, error('unsupported_media_type', expect.stringMatching(/application.json.*call again/))]);
  });

  it('that is wrong twice in one way is complained of once', async () => {
    expect(await post('{"message":""}')).toEqual([400, error('invalid_request', 'message: must be short')]);
  });
});

describe('a known path with another method', () => {
  it.each([
    ['get', '/sign', 'POST'],
    ['delete', '/sign', 'POST'],
    ['post', '/things/a', 'GET, HEAD, PUT'],
    ['patch', '/things/a', 'GET, HEAD, PUT'],
    ['options', '/things/a', 'GET, HEAD, PUT'],
  ] as const)('%s %s is 405, and Allow says %s', async (method, path, allow) => {
    const answer = await request(service().app)[method](path).set('content-type', 'application/json');
    expect([answer.status, answer.get('allow')]).toEqual([405, allow]);
    expect(answer.body).toMatchObject({ error: { code: 'method_not_allowed' } });
  });

  it('is not a path that nobody knows, and HEAD is GET without its body', async () => {
    const { app } = service();
    const unknown = await request(app).post('/nowhere').send({});
    expect([unknown.status, unknown.get('allow'), unknown.body]).toMatchObject([404, undefined, { error: { code: 'unknown_route' } }]);
    expect((await request(app).head('/things/a')).status).toBe(200);
    expect((await request(app).put('/things/a').send({})).status).toBe(200);
  });
});

describe('Retry-After', () => {
  it.each([[429, '1'], [503, '1'], [400, undefined], [409, undefined], [500, undefined]])('%d has %s', async (status, seconds) => {
    const answer = await request(service().app).get(`/fails/${status}`);
    expect([answer.status, answer.get('retry-after')]).toEqual([status, seconds]);
  });

  it('is there while the service closes', async () => {
    const { app, close } = service();
    close();
    const answer = await request(app).get('/things/a');
    expect([answer.status, answer.get('retry-after')]).toEqual([503, '1']);
  });
});

it('a variable that is wrong twice in one way is complained of once', () => {
  const schema = z.object({ X: z.string().min(9, 'must be long').regex(/^y/, 'must be long') });
  expect(() => parseEnv(schema, { X: 'x' })).toThrow(/^X: must be long$/);
});
