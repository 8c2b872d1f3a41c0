import { pbkdf2Sync } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { CpuBudget } from '../../src/workers/cpu_budget.js';
import { threadCpuClock } from '../../src/workers/thread_cpu.js';

describe('a budget of CPU time', () => {
  it('lets as much be spent as so many cores have', () => {
    let now = 0;
    const budget = new CpuBudget(0.5, { monotonic: () => now });
    budget.spend(500);
    expect(budget.waitMs).toBe(0);
    budget.spend(300);
    expect(budget.waitMs).toBe(600);
    now += 400;
    expect(budget.waitMs).toBe(200);
    now += 200;
    expect(budget.waitMs).toBe(0);
    budget.spend(1);
    expect(budget.waitMs).toBe(2);
  });

  it('keeps a second of what is not used', () => {
    let now = 0;
    const budget = new CpuBudget(2, { monotonic: () => now });
    now += 3_600_000;
    budget.spend(2_000);
    expect(budget.waitMs).toBe(0);
    budget.spend(2);
    expect(budget.waitMs).toBe(1);
  });

  it('holds in the long run, however large the steps are', () => {
    let now = 0;
    let spent = 0;
    const budget = new CpuBudget(0.3, { monotonic: () => now });
    for (let k = 0; now < 600_000; k++) {
      const step = 50 + (k * 37) % 400;
      budget.spend(step);
      spent += step;
      now += step + Math.max(0, budget.waitMs - step);
    }
    expect(spent / now).toBeGreaterThan(0.29);
    expect(spent / now).toBeLessThan(0.31);
  });
});

describe('the clock of a thread\'s CPU time', () => {
  it('goes on while the thread computes, and not while it is blocked', () => {
    const cpuMs = threadCpuClock();
    const start = cpuMs();
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300);
    const waited = cpuMs();
    pbkdf2Sync('p', 's', 200_000, 32, 'sha256');
    const computed = cpuMs();
    expect(computed).toBeGreaterThan(waited);
    expect(computed - waited).toBeGreaterThan(waited - start);
  });
});
