import type { BoardClient } from 'message-board/client';
import { FULL_PAGE, type PresignatureRequest } from 'message-board/contract';
import { readThrough } from 'message-board/read_through';

/** All pending presignature requests, in order of arrival. Those that come meanwhile may be left out. */
export function pendingRequests(
  client: Pick<BoardClient, 'listPresignatureRequests'>,
  signal: AbortSignal,
): AsyncGenerator<PresignatureRequest> {
  const read = (after: string | undefined): Promise<PresignatureRequest[]> =>
    client.listPresignatureRequests({ status: 'pending', after, signal });
  return readThrough({ read, fullPage: FULL_PAGE });
}
