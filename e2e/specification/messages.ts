/** What the board shows of the messages of one session. */
import { z } from 'zod';
import { bodyOf, type HttpService } from './http.js';
import { NodeMessageSchema } from './schemas.js';

export type NodeMessage = z.infer<typeof NodeMessageSchema>;

/** All messages to a node, page by page: whoever is no member reads small ones. */
export async function messagesTo(board: HttpService, node: string, requestId: string, route = '/messages'): Promise<NodeMessage[]> {
  const messages: NodeMessage[] = [];
  for (;;) {
    const after = messages.length === 0 ? '' : `&after=${messages.at(-1)?.id ?? ''}`;
    const answer = await board.get(`${route}?request_id=${requestId}&to_node=${node}${after}`);
    const page = bodyOf(answer, 200, z.array(NodeMessageSchema));
    if (page.length === 0) return messages;
    messages.push(...page);
  }
}
