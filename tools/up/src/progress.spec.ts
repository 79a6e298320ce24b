import { describe, expect, it } from '@jest/globals';
import { jsonProgress, plainProgress, type Summary, terminalProgress } from './progress.js';

const summary: Summary = {
  url: 'https://localhost:8443',
  caFile: '/d/tls/ca.pem',
  caFingerprint: 'AB:CD',
  dataFolder: '/d',
  setupUrl: 'https://localhost:8443/setup#token',
  curl: 'curl --cacert ...',
  services: {},
  seconds: 4.25,
};

function recorded() {
  return {
    text: '',
    columns: 80,
    write(text: string) {
      this.text += text;
    },
  };
}

/** What a terminal shows after cursor-up, erase-line and erase-below. */
function screen(text: string): string[] {
  let lines = [''];
  let row = 0;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the control sequences under test
  for (const token of text.split(/(\x1b\[\d*[AKJ]|\n)/)) {
    if (token === '\n') row += 1;
    else if (token.endsWith('A') && token.startsWith('\x1b')) row -= Number(token.slice(2, -1));
    else if (token === '\x1b[J') lines = lines.slice(0, row);
    else if (token === '\x1b[2K') lines[row] = '';
    else lines[row] = (lines[row] ?? '') + token;
  }
  return lines.filter((line) => line !== '');
}

describe('plainProgress', () => {
  it('writes each change on its own line', () => {
    const output = recorded();
    const progress = plainProgress(output);
    const step = progress.step('postgres');
    step.update('creating a database');
    step.done('127.0.0.1:7120');
    progress.ready(summary);
    expect(output.text).toMatch(
      /^ {2}postgres \.\.\.\n {2}postgres: creating a database\n {2}postgres: 127.0.0.1:7120 \(0.0 s\)\n/,
    );
    expect(output.text).toContain('Ready in 4.3 s: https://localhost:8443');
    expect(output.text).toContain('SHA-256 AB:CD');
    expect(output.text).toContain('https://localhost:8443/setup#token');
    expect(output.text).toContain('curl --cacert');
    expect(output.text).toContain('GATEHOUSE_CONFIG_DIR=/d/cli');
    progress.ready({ ...summary, dataFolder: '/home/ann/.gatehouse' });
    expect(output.text.match(/GATEHOUSE_CONFIG_DIR/g)).toHaveLength(1);
  });

  it('leaves out the set-up link once it is of no use', () => {
    const output = recorded();
    const { setupUrl, ...used } = summary;
    plainProgress(output).ready(used);
    expect(output.text).not.toContain('set-up');
    expect(setupUrl).toBeDefined();
  });
});

describe('jsonProgress', () => {
  it('writes one object a line', () => {
    const output = recorded();
    const progress = jsonProgress(output);
    progress.step('nats').done('up');
    progress.note('policy ended');
    progress.ready(summary);
    const events = output.text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { event: string });
    expect(events).toEqual([
      { event: 'step', name: 'nats', state: 'done', detail: 'up', ms: expect.any(Number) },
      { event: 'note', text: 'policy ended' },
      { event: 'ready', ...summary },
    ]);
  });
});

describe('terminalProgress', () => {
  it('keeps one line a step, in place, with notes above', () => {
    const output = recorded();
    const progress = terminalProgress(output);
    const nats = progress.step('nats');
    const postgres = progress.step('postgres');
    nats.update('fetching nats-server');
    progress.note('a note');
    postgres.done('127.0.0.1:7120');
    nats.failed();
    expect(screen(output.text)).toEqual([
      'a note',
      expect.stringMatching(/✗ nats +0.0 s {2}fetching nats-server/),
      expect.stringMatching(/✓ postgres +0.0 s {2}127.0.0.1:7120/),
    ]);
  });

  it('draws nothing while a question waits for its answer', async () => {
    const output = recorded();
    const progress = terminalProgress(output);
    const step = progress.step('nats');
    await progress.whileAsking(async () => {
      const before = output.text;
      step.update('changed meanwhile');
      expect(output.text).toBe(before);
    });
    step.done('up');
    expect(screen(output.text).at(-1)).toMatch(/✓ nats .* up/);
  });

  it('never writes a line longer than the terminal', () => {
    const output = recorded();
    const progress = terminalProgress({ columns: 30, write: (text) => output.write(text) });
    progress.step('nats').done('x'.repeat(200));
    expect(screen(output.text).map((line) => line.length)).toEqual([29]);
  });
});
