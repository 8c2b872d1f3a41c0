import type { Express } from 'express';
import request from 'supertest';

/**
 * Calls an app and checks the status; answers the body. A body that is text is sent as it is, as JSON.
 * @param headers of every call
 */
export function caller(app: Express, headers: () => Promise<Record<string, string>> = () => Promise.resolve({})) {
  const call = async (method: 'get' | 'post' | 'put' | 'delete', path: string, body: unknown, status: number): Promise<unknown> => {
    const asked = request(app)[method](path).set(await headers());
    const sent =
      body === undefined
        ? asked
        : asked.set('content-type', 'application/json').send(typeof body === 'string' ? body : JSON.stringify(body));
    const answer = await sent.expect('content-type', /^application\/json/).expect(status);
    return answer.body as unknown;
  };
  return {
    get: (path: string, status = 200) => call('get', path, undefined, status),
    post: (path: string, body: unknown, status = 200) => call('post', path, body, status),
    delete: (path: string, status = 202) => call('delete', path, undefined, status),
    put: (path: string, body: unknown, status = 200) => call('put', path, body, status),
  };
}
