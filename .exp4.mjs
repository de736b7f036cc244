import { Space } from '#processors/cluster/space.ts'
const D=512,N=+process.argv[2]||100000,mode=process.argv[3]||'iso'
let s=7;const u=()=>{s^=s<<13;s^=s>>>17;s^=s<<5;return (s>>>0)/2**32};const g=()=>Math.sqrt(-2*Math.log(u()+1e-12))*Math.cos(2*Math.PI*u())
const unit=v=>{let n=0;for(const x of v)n+=x*x;n=Math.sqrt(n);return v.map(x=>x/n)}
const mean=unit(Float32Array.from({length:D},g))
// low intrinsic dims: 64 dims dominating
const spec=Float32Array.from({length:D},(_,i)=>mode=='clip'?1/Math.sqrt(1+i/8):1)
const make=()=>{const v=Float32Array.from({length:D},(_,i)=>g()*spec[i]);const w=unit(v);return mode=='iso'?w:unit(w.map((x,i)=>x*.72+mean[i]*.72))}
const sp=new Space(D);const all=[]
let t=performance.now();for(let i=0;i<N;i++){const v=make();all.push(v);sp.add(v)}console.log('build',performance.now()-t)
const dot=(a,b)=>{let x=0;for(let i=0;i<D;i++)x+=a[i]*b[i];return x}
{const c=[];for(let i=0;i<2000;i++)c.push(dot(all[i],all[i+2000]));c.sort((a,b)=>a-b);console.log('pair cos p1/50/99',c[20],c[1000],c[1980])}
const noisy=(v,k)=>unit(v.map(x=>x+k*g()/Math.sqrt(D)))
const T=[],F=[];let bad=0,chk=0
for(let i=0;i<600;i++){const isNew=i%3==0;const q=isNew?make():noisy(all[Math.floor(u()*N)],.2+.6*u());const t=performance.now(),c0=process.cpuUsage();const r=sp.nearest(q,.72);const c1=process.cpuUsage(c0);(isNew?F:T).push((c1.user+c1.system)/1e3)
 if(process.argv[4]&&i%6<2&&N<=100000&&i<240){chk++;let b=-1,bi=-1;for(let j=0;j<N;j++){const x=dot(q,all[j]);if(x>b){b=x;bi=j}};const ok=b>=.72?(r&&r.row==bi&&Math.abs(r.similarity-b)<1e-5):!r;if(!ok){bad++;console.log('BAD',b,bi,r)}}}
const p=a=>{a.sort((x,y)=>x-y);return [a[a.length>>1],a[Math.floor(a.length*.95)],a[Math.floor(a.length*.99)]].map(x=>x.toFixed(2))}
console.log(mode,N,'join p50/95/99',p(T),'found',p(F),'checked',chk,'bad',bad, 'rss',process.memoryUsage().rss/1e6)
