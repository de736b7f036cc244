import { openKernels } from '#processors/cluster/kernels.ts'
const memory=new WebAssembly.Memory({initial:2000,maximum:65536})
const k=openKernels(memory)
const f=new Float32Array(memory.buffer),i=new Int32Array(memory.buffer),u=new Uint8Array(memory.buffer)
const N=40000
for(let j=0;j<512*3;j++)f[j]=Math.random()-.5
k.dots(2048,2,2048,0,65536);
for(const r of [1,2]){let s=0;for(let j=0;j<512;j++)s+=f[j]*f[r*512+j];console.log(s,f[65536/4+r-1])}
// bits
const q=Array.from({length:512},()=>Math.floor(Math.random()*16));const base=1<<20
for(let p=0;p<4;p++)for(let j=0;j<512;j++)if(q[j]>>p&1)u[base+p*64+(j>>3)]|=1<<(j&7)
let e=0;for(let j=0;j<512;j++){if(Math.random()<.5){u[base+1024+(j>>3)]|=1<<(j&7);e+=q[j]}}
k.bitSums(base+1024,1,64,base,65536);console.log(e,i[16384])
for(let z=0;z<4;z++){let t=performance.now();k.dots(1<<21,N,2048,0,65536);let t2=performance.now();k.bitSums(1<<21,100000,64,base,1<<20);console.log(t2-t,'ms dots 40k',performance.now()-t2,'bits 100k')}
