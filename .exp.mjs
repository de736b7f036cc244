import { pixelsOf } from '#processors/embed/pictures.ts'
import { buildDescriptor, WEIGHTS } from './models/descriptor/graph.ts'
import { readFileSync, readdirSync, writeFileSync, existsSync } from 'node:fs'
import ort from 'onnxruntime-node'
import sharp from 'sharp'
const prep={shortSide:224,crop:224,fit:'squash',kernel:'cubic',scale:1/255,mean:[0,0,0],std:[1,1,1]}
const D='../shared/data/'
const items=[] // {name, set, group, px}
const tsv=f=>readFileSync(D+f,'utf8').trim().split('\n').map(l=>l.split('\t'))
const photos=tsv('images/imagenet-sample/labels.tsv').slice(1).map(r=>({file:r[0],group:r[4]}))
for(const p of photos) items.push({name:p.file,set:'inet',group:p.group,buf:readFileSync(D+'images/imagenet-sample/'+p.file)})
const edits={
 q40:(s)=>s.jpeg({quality:40}), half:(s,m)=>s.resize(Math.round(m.width/2)).jpeg(), bright:(s)=>s.modulate({brightness:1.12}).jpeg(), sat:(s)=>s.modulate({saturation:.8}).jpeg(),
 crop4:(s,m)=>s.extract({left:Math.round(m.width*.02),top:Math.round(m.height*.02),width:Math.round(m.width*.96),height:Math.round(m.height*.96)}).jpeg(), blur:(s)=>s.blur(1.2).jpeg(), sharpen:s=>s.sharpen().jpeg(), logo:(s,m)=>s.composite([{input:Buffer.from(`<svg width="${Math.round(m.width*.2)}" height="${Math.round(m.height*.1)}"><rect width="100%" height="100%" fill="white"/></svg>`),gravity:'southeast'}]).jpeg(), gray:s=>s.greyscale().jpeg()}
for(const p of photos.filter((_,i)=>i%5==0)){const b=readFileSync(D+'images/imagenet-sample/'+p.file);const m=await sharp(b).metadata();for(const[k,f]of Object.entries(edits))items.push({name:p.file+':'+k,set:'edit',of:p.file,edit:k,buf:await f(sharp(b),m).toBuffer()})}
for(const r of tsv('near-dup/truth.tsv').slice(1)) items.push({name:r[0],set:'nd',group:r[1],relation:r[2],buf:readFileSync(D+'near-dup/'+r[0])})
// families
let seed=7;const rnd=()=>{seed=(seed*1664525+1013904223)>>>0;return seed/2**32}
const hsl=(h,s,l)=>`hsl(${h},${s}%,${l}%)`
const fam={
 gradient:()=>{const h=200+rnd()*20;return `<defs><linearGradient id="g" x1="0" y1="0" x2="${rnd()*.3}" y2="1"><stop offset="0" stop-color="${hsl(h,70,30)}"/><stop offset="1" stop-color="${hsl(h+40,70,75)}"/></linearGradient></defs><rect width="640" height="480" fill="url(#g)"/>`},
 stripes:()=>{let s='<rect width="640" height="480" fill="#fff"/>';const w=20+rnd()*12;for(let x=0;x<640;x+=2*w)s+=`<rect x="${x+rnd()*3}" width="${w}" height="480" fill="${hsl(0+rnd()*15,80,40)}"/>`;return s},
 discs:()=>{let s='<rect width="640" height="480" fill="#102030"/>';for(let i=0;i<14;i++)s+=`<circle cx="${rnd()*640}" cy="${rnd()*480}" r="${20+rnd()*50}" fill="${hsl(45+rnd()*15,90,55)}"/>`;return s},
 checker:()=>{let s='<rect width="640" height="480" fill="#eee"/>';const w=36+rnd()*8;for(let y=0,j=0;y<480;y+=w,j++)for(let x=0,i=0;x<640;x+=w,i++)if((i+j)%2)s+=`<rect x="${x}" y="${y}" width="${w}" height="${w}" fill="${hsl(130+rnd()*10,60,30)}"/>`;return s},
 sunset:()=>{const y=280+rnd()*60;return `<defs><linearGradient id="g" x1="0" y1="0" x2="0" y2="1"><stop offset="0" stop-color="#402060"/><stop offset="1" stop-color="${hsl(25+rnd()*10,95,60)}"/></linearGradient></defs><rect width="640" height="480" fill="url(#g)"/><circle cx="${200+rnd()*240}" cy="${y-20}" r="40" fill="#ffe080"/><rect y="${y}" width="640" height="300" fill="#201030"/>`},
 forest:()=>{let s='<rect width="640" height="480" fill="#a8c8d8"/><rect y="300" width="640" height="180" fill="#386028"/>';for(let i=0;i<18;i++){const x=rnd()*640,h=150+rnd()*150;s+=`<polygon points="${x},${420-h} ${x-40},430 ${x+40},430" fill="${hsl(110+rnd()*25,50,20+rnd()*12)}"/>`}return s},
}
for(const[k,f]of Object.entries(fam))for(let i=0;i<8;i++)items.push({name:k+i,set:'fam',group:k,buf:await sharp(Buffer.from(`<svg xmlns="http://www.w3.org/2000/svg" width="640" height="480">${f()}</svg>`)).jpeg().toBuffer()})
for(let i=0;i<8;i++){const b=Buffer.alloc(640*480*3);for(let j=0;j<b.length;j++)b[j]=60+rnd()*130;items.push({name:'noise'+i,set:'fam',group:'noise',buf:await sharp(b,{raw:{width:640,height:480,channels:3}}).blur(1.5).jpeg().toBuffer()})}
const px=[];for(const it of items)px.push(await pixelsOf(it.buf,prep))
const med=a=>{a=[...a].sort((x,y)=>x-y);return q=>a.length?+a[Math.min(a.length-1,Math.floor(q*a.length))].toFixed(3):NaN}
async function evalW(w,label,opt){
 const s=await ort.InferenceSession.create(opt?.bytes??buildDescriptor(w),{logSeverityLevel:3});const V=[]
 for(const p of px){const r=await s.run({[s.inputNames[0]]:new ort.Tensor('float32',p,[1,3,224,224])});let v=r[s.outputNames[0]].data;let n=Math.hypot(...v);V.push(v.map(x=>x/n))}
 const dot=(a,b)=>{let s=0;for(let i=0;i<a.length;i++)s+=a[i]*b[i];return s}
 const by={};items.forEach((it,i)=>by[it.name]=i)
 console.log('==',label,JSON.stringify(w))
 const I=items.map((x,i)=>i).filter(i=>items[i].set=='inet')
 const same=[],diff=[];for(const i of I)for(const j of I)if(i<j)(items[i].group==items[j].group?same:diff).push(dot(V[i],V[j]))
 const S=med(same),Df=med(diff);console.log('inet same',S(.1),S(.5),S(.9),'diff',Df(.1),Df(.5),Df(.9),Df(.99),Df(.999),Df(1))
 const out=[];for(const k in edits){const a=med(items.map((it,i)=>it.edit==k?dot(V[i],V[by[it.of]]):null).filter(x=>x!==null));out.push(`${k} ${a(0)}/${a(.1)}/${a(.5)}`)}console.log('edits min/p10/med',out.join(' | '))
 console.log('bridge',items.map((it,i)=>it.name.startsWith('bridge-mods')?it.name.slice(12,-4)+' '+dot(V[i],V[by['bridge-mods/aaa-orig.jpg']]).toFixed(3):null).filter(Boolean).join(' '))
 console.log('ukb',items.map((it,i)=>it.name.startsWith('ukbench')?it.name.slice(8,-4)+' '+dot(V[i],V[by['ukbench/ukbench00120.jpg']]).toFixed(3):null).filter(Boolean).join(' '))
 const F=items.map((x,i)=>i).filter(i=>items[i].set=='fam');const fs={},cross=[];for(const i of F)for(const j of F)if(i<j){const d=dot(V[i],V[j]);if(items[i].group==items[j].group)(fs[items[i].group]??=[]).push(d);else cross.push(d)}
 console.log('fam same min/p10/med',Object.entries(fs).map(([k,a])=>`${k} ${med(a)(0)}/${med(a)(.1)}/${med(a)(.5)}`).join(' | '),'cross med/p99/max',med(cross)(.5),med(cross)(.99),med(cross)(1))
}
const [,,...a]=process.argv
if(a[0]=='w'){for(const j of a.slice(1))await evalW({...WEIGHTS,...JSON.parse(j)},'try');process.exit()}
await evalW(WEIGHTS,'default')
if(a[0]=='models'){await evalW({},'mobilenet(unscaled input)',{bytes:readFileSync(D+'models/mobilenetv3_small_embed_576.onnx')})}
if(a[0]=='each')for(const g of Object.keys(WEIGHTS)){await evalW(Object.fromEntries(Object.keys(WEIGHTS).map(k=>[k,k==g?1:0])),'only '+g)}
