/**
 * Presignatures in one batch. A batch shares a worker thread and one joint verification of its proofs, and is ready all at once. Smaller:
 * each presignature costs a few percent more CPU time. Larger: a request that finds the pool empty waits longer for the batch.
 */
export const BATCH = 4;
