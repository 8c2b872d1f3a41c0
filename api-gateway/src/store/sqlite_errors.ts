/** What SQLite has thrown: its message, and its code without the bits that tell variants apart; undefined for any other error. */
export function sqliteError(error: unknown): { readonly code: number; readonly message: string } | undefined {
  if (typeof error !== 'object' || error === null || !('errcode' in error) || typeof error.errcode !== 'number') return undefined;
  return { code: error.errcode & 0xff, message: 'message' in error ? String(error.message) : '' };
}
