import { describe, expect, it } from 'vitest';
import { createProcesses } from '../../src/cli/processes.ts';

describe('the processes of the demo', () => {
  it('are not started any more once they are being stopped', async () => {
    const processes = createProcesses();
    await processes.stopAll();
    const program = { module: 'demo/verifier', args: [], env: {} };
    await expect(processes.start(program)).rejects.toThrow('this program is ending');
    await expect(processes.run(program)).rejects.toThrow('this program is ending');
  });

  it('say why one did not start', async () => {
    const processes = createProcesses();
    const program = { module: 'demo/there-is-no-such-program', args: ['now'], env: {} };
    await expect(processes.start(program)).rejects.toThrow(
      'there-is-no-such-program now did not start: it ended at once',
    );
    expect(processes.obituaries()).toEqual([]);
    await processes.stopAll();
  });
});
