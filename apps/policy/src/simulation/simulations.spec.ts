import { describe, expect, it } from '@jest/globals';
import { type Running, Simulations, SimulationsBusy, simulationLimits } from './simulations.js';

const failures: Error[] = [];
const made = () => new Simulations((error) => failures.push(error));

/** Works until it is told to stop. */
async function endless(running: Running): Promise<void> {
  for (;;) await (running.pause() ?? new Promise(setImmediate));
}
const ended = async (simulations: Simulations, id: string) => {
  for (;;) {
    const view = simulations.get('acme', id);
    if (view?.status !== 'running') return view;
    await new Promise(setImmediate);
  }
};

describe('simulations', () => {
  it('run in the background and keep what they found', async () => {
    const simulations = made();
    const id = simulations.start('acme', 'replay', async (running) => {
      running.progress = { done: 3, total: 3 };
      return { found: 1 };
    });
    expect(simulations.get('acme', id)?.status).toBe('running');
    expect(await ended(simulations, id)).toMatchObject({ status: 'done', progress: { done: 3 }, result: { found: 1 } });
  });

  it("are not there for another tenant, and can't be cancelled by it", async () => {
    const simulations = made();
    const id = simulations.start('acme', 'replay', endless);
    expect(simulations.get('umbrella', id)).toBeUndefined();
    expect(await simulations.cancel('umbrella', id)).toBe(false);
    expect(simulations.get('acme', id)?.status).toBe('running');
    expect(await simulations.cancel('acme', id)).toBe(true);
    expect(simulations.get('acme', id)?.status).toBe('cancelled');
  });

  it('are one at a time in a tenant, and few in a process', async () => {
    const simulations = made();
    simulations.start('acme', 'replay', endless);
    expect(() => simulations.start('acme', 'replay', endless)).toThrow(SimulationsBusy);
    simulations.start('umbrella', 'replay', endless);
    expect(() => simulations.start('third', 'replay', endless)).toThrow(SimulationsBusy);
    await simulations.stop();
    await simulations.cancel('third', simulations.start('third', 'replay', endless));
  });

  it('say that they failed, and nothing else about it', async () => {
    const simulations = made();
    const id = simulations.start('acme', 'replay', () => Promise.reject(new Error('relation "events" is gone')));
    expect(JSON.stringify(await ended(simulations, id))).not.toContain('relation');
    expect(simulations.get('acme', id)?.status).toBe('failed');
    expect(failures.map(({ message }) => message)).toEqual(['relation "events" is gone']);
  });

  it('are forgotten when there are many newer ones', async () => {
    const simulations = made();
    const ids: string[] = [];
    for (let at = 0; at <= simulationLimits.keptPerTenant; at += 1) {
      const id = simulations.start('acme', 'replay', async () => at);
      await ended(simulations, id);
      ids.push(id);
    }
    expect(ids.map((id) => simulations.get('acme', id)?.result)).toEqual([
      undefined,
      ...ids.slice(1).map((_, at) => at + 1),
    ]);
  });

  it('give way to others every few milliseconds', async () => {
    const simulations = made();
    let turns = 0;
    const watch = setInterval(() => turns++, 1);
    const until = performance.now() + 200;
    const id = simulations.start('acme', 'replay', async (running) => {
      while (performance.now() < until) {
        JSON.parse(JSON.stringify({ some: 'work' }));
        const turn = running.pause();
        if (turn) await turn;
      }
    });
    await ended(simulations, id);
    clearInterval(watch);
    // Some dozens on a machine that has nothing else to do; none, if it did not.
    expect(turns).toBeGreaterThan(3);
  });
});
