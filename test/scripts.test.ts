/** The scripts, in a folder of their own, with programs that stand for podman, podman-compose and npm. */
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ROOT } from './util/repository.js';
import { inUse, ScriptFolder, type Ran } from './util/script_folder.js';

let scripts: ScriptFolder;
let folder: string;

beforeEach(async () => {
  scripts = await ScriptFolder.make();
  folder = scripts.path;
  // What start.sh does first as local processes.
  await program('npm', 'exit 1');
});
afterEach(() => scripts.remove());

const program = (name: string, script: string): Promise<void> => scripts.program(name, script);
const run = (command: readonly string[], variables?: Record<string, string>): Promise<Ran> => scripts.run(command, variables);
const bash = (script: string, env?: Record<string, string>): Promise<Ran> => scripts.bash(script, env);

/** Containers of this folder, running or not, and whether its volumes are there. Calls of podman-compose go to a file. */
async function podman({ running = false, volumes = false, otherFolder = '', ended = [] as string[] }): Promise<void> {
  const label = `label=com.docker.compose.project.working_dir=${folder}`;
  const names = `ps --all --format {{.Names}} --filter ${label} --filter label=com.docker.compose.service`;
  const ofProject = '--filter label=com.docker.compose.project=a-folder';
  const folders = `ps --all ${ofProject} --format {{index .Labels "com.docker.compose.project.working_dir"}}`;
  await program(
    'podman',
    `case "$*" in
      "ps --quiet --filter ${label}") ${running ? 'echo 0123456789ab' : ':'} ;;
      '${names}=node-1') ${running ? 'echo a-folder_node-1_1' : ':'} ;;
      "ps --quiet --filter status=exited --filter ${label}") printf '%s\\n' ${ended.join(' ')} ;;
      'rm '*) echo "podman $*" >>'${folder}/calls' ;;
      '${folders}') printf '%s\\n' ${running ? `'${folder}'` : ''} ${otherFolder} ;;
      'volume exists a-folder_cluster') ${volumes ? 'exit 0' : 'exit 1'} ;;
      logs*) echo "podman $*" ;;
      *) echo "unexpected: podman $*" >&2; exit 9 ;;
    esac`,
  );
  await program('podman-compose', `echo "podman-compose $*" >>'${folder}/calls'`);
}
const calls = (): Promise<string> => readFile(join(folder, 'calls'), 'utf8').catch(() => '');

const start = (...args: string[]) => run(['scripts/start.sh', ...args]);
const LOCALLY = { code: 1, stdout: expect.stringContaining('Installing dependencies … failed') };
const IN_CONTAINERS = 'podman-compose -p a-folder build message-board\npodman-compose -p a-folder up -d\n';

describe('start.sh', () => {
  it('makes a new cluster in containers where podman-compose is, else locally', async () => {
    expect(await start()).toMatchObject(LOCALLY);
    await podman({});
    expect(await start()).toMatchObject({ code: 0 });
    expect(await calls()).toBe(IN_CONTAINERS);
  });

  it('keeps to local processes whose data are there, also when podman was installed since', async () => {
    await scripts.localData();
    await podman({});
    expect(await start()).toMatchObject(LOCALLY);
    expect(await calls()).toBe('');
  });

  it('keeps to containers whose volumes are there, and speaks of a new key only when the cluster is new', async () => {
    await podman({});
    expect((await start()).stdout).toContain('The new cluster first generates its key');
    await podman({ volumes: true });
    const { code, stdout } = await start();
    expect({ code, stdout }).toEqual({ code: 0, stdout: expect.not.stringContaining('generates its key') });
    expect(await calls()).toBe(IN_CONTAINERS + IN_CONTAINERS);
  });

  it('does not take volumes that another folder of this name may have made, unless it is told to', async () => {
    await podman({ volumes: true });
    const { code, stderr } = await start();
    expect(code).toBe(1);
    expect(stderr).toMatch(/^There are volumes of a cluster a-folder, [^]*COMPOSE_PROJECT_NAME/);
    expect(await calls()).toBe('');
    expect(await start('--podman')).toMatchObject({ code: 0 });
  });

  it('refuses containers when another folder of this name has some', async () => {
    await podman({ volumes: true, otherFolder: '/home/ann/a-folder' });
    const { code, stderr } = await start('--podman');
    expect(code).toBe(1);
    expect(stderr).toMatch(/^The cluster of \/home\/ann\/a-folder has the name of this one/);
    expect(await calls()).toBe('');
  });

  it('refuses to choose between two clusters, and says how to', async () => {
    await scripts.localData();
    await podman({ volumes: true });
    const { code, stdout, stderr } = await start();
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toBe(
      'There are two clusters, each with a key of its own: one in data, one in containers. Say which: --local or --podman\n',
    );
    expect(await calls()).toBe('');
    expect(await start('--podman')).toMatchObject({ code: 0 });
    expect(await start('--local')).toMatchObject(LOCALLY);
  });

  it('refuses when the cluster was in containers and podman is gone', async () => {
    await podman({});
    await start();
    for (const name of ['podman', 'podman-compose']) await rm(join(folder, 'bin', name));
    const { code, stderr } = await start();
    const why = expect.stringMatching(/^The cluster of this folder runs in containers, and podman/);
    expect({ code, stderr }).toEqual({ code: 1, stderr: why });
    expect(await start('--local')).toMatchObject(LOCALLY);
  });

  it('says that it makes a second cluster when it is told to', async () => {
    await scripts.localData();
    await podman({});
    const { code, stdout } = await start('--podman');
    expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringContaining('second cluster: the one in data has another key') });
  });
});

describe('containers that podman-compose has started', () => {
  beforeEach(() => podman({ running: true, volumes: true }));

  it('are stopped by stop.sh', async () => {
    expect(await run(['scripts/stop.sh'])).toMatchObject({ code: 0, stderr: '' });
    expect(await calls()).toBe('podman-compose -p a-folder down\n');
  });

  it('are found by start.sh when stop.sh has removed them and only their volumes are left', async () => {
    expect(await run(['scripts/stop.sh'])).toMatchObject({ code: 0 });
    await podman({ volumes: true });
    expect(await start()).toMatchObject({ code: 0 });
    expect(await calls()).toBe(`podman-compose -p a-folder down\n${IN_CONTAINERS}`);
  });

  it('are stopped by stop.sh one by one', async () => {
    expect(await run(['scripts/stop.sh', 'node-1', 'api-gateway'])).toMatchObject({ code: 0, stderr: '' });
    expect(await calls()).toBe('podman-compose -p a-folder stop node-1 api-gateway\n');
  });

  it('are what logs.sh shows', async () => {
    expect(await run(['scripts/logs.sh', 'node-1'])).toEqual({ code: 0, stdout: 'podman logs --names a-folder_node-1_1\n', stderr: '' });
  });

  it('are what start.sh starts again, and not something else', async () => {
    expect(await start('--local')).toMatchObject({ code: 1, stderr: expect.stringContaining('the cluster is running with --podman') });
    expect(await start()).toMatchObject({ code: 0 });
    expect(await calls()).toBe(IN_CONTAINERS);
  });

  it('are made anew when they have ended: they would start with the image of before', async () => {
    await podman({ running: true, volumes: true, ended: ['0123', '4567'] });
    expect(await start()).toMatchObject({ code: 0 });
    expect(await calls()).toBe(IN_CONTAINERS.replace('\n', '\npodman rm 0123 4567\n'));
  });
});

describe('without containers', () => {
  it('stop.sh finds nothing', async () => {
    expect(await run(['scripts/stop.sh'])).toEqual({ code: 0, stdout: 'Nothing is running.\n', stderr: '' });
    await podman({ volumes: true });
    expect(await run(['scripts/stop.sh'])).toEqual({ code: 0, stdout: 'Nothing is running.\n', stderr: '' });
  });

  it('a process that its parent has not reaped does not run', async () => {
    const { stdout } = await bash(`
      mkdir -p run
      # The child ends when its parent has become a program that does not reap.
      bash -c '(until [[ $(</proc/$$/comm) == sleep ]]; do :; done) & echo "$!" >run/child; exec sleep 60' &
      parent=$!
      until [[ -s run/child ]]; do sleep 0.01; done
      child=$(<run/child)
      until [[ $(cut -d ' ' -f 3 /proc/$child/stat) == Z ]]; do sleep 0.01; done
      printf '%s\\n%s\\n' "$child" "$(cut -d ' ' -f 22 /proc/$child/stat)" >run/node-1.pid
      printf '%s\\n%s\\n' "$parent" "$(cut -d ' ' -f 22 /proc/$parent/stat)" >run/node-2.pid
      for k in 1 2; do if pid_of node-$k >/dev/null; then echo "node-$k runs"; else echo "node-$k has ended"; fi; done
      kill "$parent"`);
    expect(stdout).toBe('node-1 has ended\nnode-2 runs\n');
  });
});

describe('run', () => {
  const nodePackage = { bin: { 'verify-from-api': 'dist/bin/verify_from_api.js', 'make-cluster': 'dist/bin/make_cluster.js' } };
  beforeEach(async () => {
    await mkdir(join(folder, 'node/dist/bin'), { recursive: true });
    await writeFile(join(folder, 'node/package.json'), JSON.stringify(nodePackage, null, 2));
  });

  it('finds a command that npm has not linked', async () => {
    await writeFile(join(folder, 'node/dist/bin/verify_from_api.js'), 'console.log(process.argv.slice(2).join());');
    expect(await run(['scripts/run', 'verify-from-api', 'a b', '--help'])).toEqual({ code: 0, stdout: 'a b,--help\n', stderr: '' });
  });

  it('says how to build a command that is not built, and that builds it', async () => {
    const { code, stdout, stderr } = await run(['scripts/run', 'make-cluster']);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toBe('make-cluster is not built yet. This installs and builds everything: ./scripts/run --build\n');
    await program('npm', `echo "$*" >>'${folder}/calls'; mkdir -p node_modules/.bin; touch node_modules/.bin/make-cluster`);
    expect(await run(['scripts/run', '--build'])).toMatchObject({ code: 0, stderr: '' });
    expect(await calls()).toBe('ci --no-audit --no-fund\nrun build\n');
  });

  it.each(['no-such-program', 'verify|make', '.*'])('lists the commands when there is no program %s', async (name) => {
    const { code, stdout, stderr } = await run(['scripts/run', name]);
    const list = '  make-cluster\n  verify-from-api\n';
    expect({ code, stdout, stderr }).toEqual({
      code: 127, stdout: '', stderr: `there is no program ${name}. The commands of this project:\n${list}`,
    });
    expect((await run(['scripts/run', '--help'])).stdout).toContain(list);
  });
});

describe('.env', () => {
  const valueOf = async (text: string, env = {}): Promise<Ran> => {
    await writeFile(join(folder, '.env'), text);
    return bash('printf "%s" "${X-not set}"', env);
  };

  it.each([
    ['X=5', '5'],
    ['X=8090     # local processes', '8090'],
    ['X=8090\t#local', '8090'],
    ['X=http://localhost:8080 \t', 'http://localhost:8080'],
    ['export X=5', '5'],
    ['  export\tX=5 # five', '5'],
    ['X = 5', '5'],
    ['X="a b  "  # text', 'a b  '],
    ["X='a # b'", 'a # b'],
    ['X="it\'s"', 'it\'s'],
    ['X=a"b"c', 'a"b"c'],
    ['X=key-file:/a#b', 'key-file:/a#b'],
    ['X=command:key --name node-1  ', 'command:key --name node-1'],
    ['X=a=b', 'a=b'],
    ['X=', ''],
    ['X=   # nothing', ''],
    ['X=#nothing', ''],
    ['X=5\r\nY=6\r\n', '5'],
    ['\n# X=4\n   #X=3\n\nX=5', '5'],
    ['#X=5', 'not set'],
  ])('%j sets X to %j', async (text, value) => {
    expect(await valueOf(text)).toEqual({ code: 0, stdout: value, stderr: '' });
  });

  it('stands behind the environment', async () => {
    expect(await valueOf('X=5', { X: '6' })).toMatchObject({ stdout: '6' });
  });

  it.each([
    ['X', '.env, line 1: must be NAME=value\n'],
    ['\n- X=5', '.env, line 2: must be NAME=value\n'],
    ['X="5', '.env, line 1: X: a quote is missing, or something follows it\n'],
    ['X="5" 6', '.env, line 1: X: a quote is missing, or something follows it\n'],
    ['X=5\nY=1\nexport X=6', '.env, line 3: X is there twice\n'],
  ])('%j is refused, with the line', async (text, stderr) => {
    expect(await valueOf(text)).toEqual({ code: 2, stdout: '', stderr });
  });

  it.each(['GATEWAY_PORT', 'BOARD_PORT', 'NODE_PORT', 'N_NODES'])('%s must be a number', async (name) => {
    const stderr = `${name}: must be a whole number, not '80 80'\n`;
    expect(await bash('echo on', { [name]: '80 80' })).toEqual({ code: 2, stdout: '', stderr });
  });

  it('of .env.example can be followed: each line without its # is a setting', async () => {
    const lines = (await readFile(join(ROOT, '.env.example'), 'utf8')).split('\n').filter((line) => /^#[A-Z_]+=/.test(line));
    expect(lines.length).toBeGreaterThan(20);
    await writeFile(join(folder, '.env'), lines.map((line) => line.slice(1)).join('\n'));
    const shown = 'echo "$GATEWAY_URL $((NODE_PORT + 1)) ($SEAL_KEY)"';
    const { stdout, stderr } = await run(['bash', '-c', `unset GATEWAY_PORT NODE_PORT; source scripts/system.sh; load_settings; ${shown}`]);
    expect({ stdout, stderr }).toEqual({ stdout: 'http://localhost:8000 8091 ()\n', stderr: '' });
  });
});

describe('where there is a proxy', () => {
  it.each(['http_proxy', 'HTTP_PROXY', 'ALL_PROXY'])('%s: this machine is asked directly', async (name) => {
    await inUse(async (port) => {
      const ask = `for host in 127.0.0.1 localhost; do http GET http://$host:${port}/; done; echo " $no_proxy"`;
      const proxy = { [name]: 'http://127.0.0.1:9', NODE_USE_ENV_PROXY: '1' };
      expect(await bash(ask, proxy)).toEqual({ code: 0, stdout: 'herehere localhost,127.0.0.1\n', stderr: '' });
      const more = { ...proxy, no_proxy: '.example.org' };
      expect(await bash(ask, more)).toMatchObject({ stdout: 'herehere .example.org,localhost,127.0.0.1\n' });
      expect(await bash(ask, { ...proxy, no_proxy: '*' })).toMatchObject({ stdout: 'herehere *\n' });
    });
  });
});
