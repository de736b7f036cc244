import { startStack } from '/work/main/stack/stack.ts'
import { spawn } from 'node:child_process'
const stack = await startStack({ dir: '/tmp/stk/st5', env: {}, parts: ['kafka'] })
const run = async () => {
const c = spawn('java', ['-Xmx384m','-XX:+UseSerialGC','-XX:TieredStopAtLevel=1','-Dquarkus.http.host=127.0.0.1','-Dquarkus.http.port=18082','-Dapicurio.storage.kind=kafkasql','-Dapicurio.kafkasql.bootstrap.servers=' + stack.kafkaBrokers, '-Dapicurio.rules.global.compatibility=BACKWARD_TRANSITIVE', '-jar', '/var/cache/sluice/apicurio-3.0.9/apicurio-registry-app-3.0.9-runner.jar'], { stdio: ['ignore', 'pipe', 'pipe'] })
let out = ''; c.stdout.on('data', d => out += d); c.stderr.on('data', d => out += d)
const t = performance.now()
for (let i = 0; i < 300; i++) { try { const r = await fetch('http://127.0.0.1:18082/apis/ccompat/v7/subjects'); if (r.ok) { console.log(performance.now() - t, await r.text()); break } } catch {} await new Promise(r => setTimeout(r, 100)) }
console.log(await (await fetch('http://127.0.0.1:18082/apis/ccompat/v7/subjects/t-value/versions', { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ schema: '{"type":"record","name":"A","fields":[{"name":"a","type":"string"}]}' }) })).text())
c.kill('SIGTERM'); await new Promise(r => c.on('exit', r)); console.log(out.split('\n').filter(l => /WARN|ERROR/.test(l)).slice(0, 10).join('\n'))
}
await run(); await run(); await stack.stop()
