/** start.sh and stop.sh with local processes, and what test.sh says of a cluster that runs. */
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { inUse, ScriptFolder, type Ran } from './util/script_folder.js';

let scripts: ScriptFolder;
let folder: string;

beforeEach(async () => {
  scripts = await ScriptFolder.make();
  folder = scripts.path;
});
afterEach(() => scripts.remove());

const run = (command: readonly string[], variables?: Record<string, string>): Promise<Ran> => scripts.run(command, variables);

describe('the ports of start.sh', () => {
  it.each([
    [{ GATEWAY_PORT: '0' }, "GATEWAY_PORT: must be 1 to 65535, not '0'"],
    [{ BOARD_PORT: '65536' }, "BOARD_PORT: must be 1 to 65535, not '65536'"],
    [{ NODE_PORT: '08090' }, "NODE_PORT: must be 1 to 65535, not '08090'"],
    [{ NODE_PORT: '65532' }, 'NODE_PORT: node-4 would be on port 65536, and the highest is 65535'],
    [{ GATEWAY_PORT: '9', BOARD_PORT: '9' }, 'GATEWAY_PORT and BOARD_PORT: both are 9. Each needs a port of its own'],
    [{ BOARD_PORT: '7' }, 'BOARD_PORT: 7 is the port of node-4, NODE_PORT + 4. Each needs a port of its own'],
    [{ GATEWAY_PORT: '4' }, 'GATEWAY_PORT: 4 is the port of node-1, NODE_PORT + 1. Each needs a port of its own'],
  ])('%j is refused before anything is made', async (ports, complaint) => {
    expect(await run(['scripts/start.sh', '--local'], ports)).toEqual({ code: 2, stdout: '', stderr: `${complaint}\n` });
    expect(await readdir(folder)).not.toContain('run');
  });

  it('in containers none is that of a node', async () => {
    await scripts.program('podman-compose', 'exit 0');
    await scripts.program('podman', 'exit 0');
    expect(await run(['scripts/start.sh', '--podman'], { GATEWAY_PORT: '4' })).toMatchObject({ code: 0 });
  });

  it('that another program uses is named with its variable', async () => {
    await inUse(async (port) => {
      const { code, stderr } = await run(['scripts/start.sh', '--local'], { BOARD_PORT: String(port) });
      expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining(`  ${port}, for message-board (BOARD_PORT)\n`) });
    });
  });
});

describe('services that are local processes', () => {
  const GOOD = `
    import { createServer } from 'node:http';
    createServer((_request, response) => response.end('{}')).listen(process.env.PORT, '127.0.0.1');`;
  const BAD = `console.log('it cannot go on'); process.exit(1);`;
  /** Another program answers on its port when it has just been killed. */
  const KILLED = `
    import { spawn } from 'node:child_process';
    import { readFileSync } from 'node:fs';
    import { createServer } from 'node:http';
    const [, file, server, pid] = process.argv;
    function hasEnded() {
      try {
        return / Z /.test(readFileSync('/proc/' + pid + '/stat', 'utf8'));
      } catch {
        return true;
      }
    }
    function answer(response) {
      if (hasEnded()) response.end('{}', () => process.exit(0));
      else setTimeout(answer, 5, response);
    }
    if (server === 'server') {
      createServer((_request, response) => { process.kill(pid, 'SIGKILL'); answer(response); }).listen(process.env.PORT, '127.0.0.1');
    } else {
      spawn(process.execPath, [file, 'server', process.pid], { detached: true, stdio: 'ignore' });
      setInterval(() => {}, 1_000_000);
    }`;
  let ports: Record<string, string>;

  /** Programs that stand for the services. */
  async function services(board: string, gateway: string): Promise<void> {
    const node = GOOD.replace('PORT', 'HEALTH_PORT');
    for (const [name, text] of [['message-board', board], ['api-gateway', gateway], ['node', node]] as const) {
      await mkdir(join(folder, name, 'dist/bin'), { recursive: true });
      await writeFile(join(folder, name, 'dist/main.js'), text);
    }
    await writeFile(join(folder, 'node/dist/bin/make_cluster.js'), '');
    await writeFile(join(folder, 'node/dist/bin/roster_fingerprint.js'), '');
  }
  const startLocally = (): Promise<Ran> => run(['scripts/start.sh', '--local', '--no-hints'], ports);
  const stop = (...names: string[]): Promise<Ran> => run(['scripts/stop.sh', ...names], ports);
  const running = async (): Promise<string> =>
    (await run(['bash', '-c', 'source scripts/system.sh; for k in $(started_services); do pid_of $k >/dev/null && echo $k; done'])).stdout;

  beforeEach(async () => {
    await scripts.program('npm', 'exit 0');
    await services(GOOD, GOOD);
    const { stdout } = await scripts.bash('choose_ports; echo "$GATEWAY_PORT $BOARD_PORT $NODE_PORT"');
    const [GATEWAY_PORT = '', BOARD_PORT = '', NODE_PORT = ''] = stdout.trim().split(' ');
    ports = { GATEWAY_PORT, BOARD_PORT, NODE_PORT, N_NODES: '2' };
  });
  afterEach(() => stop());

  it('stop one by one, and start again', async () => {
    expect(await startLocally()).toMatchObject({ code: 0, stderr: '' });
    expect(await stop('node-2', 'api-gateway')).toEqual({ code: 0, stdout: 'Stopped: api-gateway node-2\n', stderr: '' });
    expect(await running()).toBe('message-board\nnode-1\n');
    expect(await stop('node-2')).toEqual({ code: 0, stdout: 'Not running: node-2\n', stderr: '' });
    // Where they were, whatever the settings say.
    ports = { ...ports, GATEWAY_PORT: '1', NODE_PORT: '2' };
    expect(await startLocally()).toMatchObject({ code: 0, stdout: expect.stringMatching(/Started: api-gateway node-2\n$/) });
    expect(await stop()).toMatchObject({ stdout: 'Stopped: api-gateway message-board node-1 node-2\n' });
    expect(await readdir(join(folder, 'run'))).not.toContain('ports');
  });

  it('are named when there is no such service', async () => {
    const stderr = 'there is no service node-3. There are: message-board api-gateway node-1 node-2\n';
    expect(await stop('node-1', 'node-3')).toEqual({ code: 2, stdout: '', stderr });
  });

  it('are stopped again when one does not start, and only what this start has logged is shown', async () => {
    await services(GOOD, BAD);
    await mkdir(join(folder, 'run/logs'), { recursive: true });
    await writeFile(join(folder, 'run/logs/api-gateway.log'), 'of an earlier start\n');
    const { code, stderr } = await startLocally();
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: expect.stringMatching(/^it cannot go on\napi-gateway did not start; its log is run\/logs\/api-gateway\.log\nStopped: /),
    });
    expect(await running()).toBe('');
  });

  it('that ran before stay when another one does not start', async () => {
    await startLocally();
    await stop('api-gateway');
    await services(GOOD, BAD);
    const { code, stderr } = await startLocally();
    const why = 'it cannot go on\napi-gateway did not start; its log is run/logs/api-gateway.log\n';
    expect({ code, stderr }).toEqual({ code: 1, stderr: why });
    expect(await running()).toBe('message-board\nnode-1\nnode-2\n');
  });

  it('have not started when another program answers for one that has ended', async () => {
    await services(GOOD, KILLED);
    expect(await startLocally()).toMatchObject({ code: 1, stderr: expect.stringContaining('api-gateway did not start') });
  });
});

describe('test.sh', () => {
  it('takes one argument', async () => {
    const stderr = 'one argument too many: --slow (try --help)\n';
    expect(await run(['scripts/test.sh', '--full', '--slow'])).toEqual({ code: 2, stdout: '', stderr });
  });

  it('--specification refuses a cluster whose board does not have the messages that made the key', async () => {
    await scripts.program('npm', 'exit 0');
    await scripts.program('curl', `case "$*" in *'/messages?request_id=keygen&to_node=node-1') echo '[]' ;; *) exit 7 ;; esac`);
    await scripts.localData();
    const inTheMiddle = 'sleep 60 & mkdir run; printf "%s\\n%s\\n" $! "$(started_at $!)" >run/node-1.pid';
    const { code, stderr } = await scripts.bash(`${inTheMiddle}; ./scripts/test.sh --specification; code=$?; kill $!; exit $code`);
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining('does not have the messages that made the key') });
    expect(stderr).toContain('./scripts/stop.sh');
  });
});
