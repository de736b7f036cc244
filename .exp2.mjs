import { Graph } from './models/onnx/graph.ts'
import { InferenceSession, Tensor } from 'onnxruntime-node'
let s=1;const rnd=()=>{s=(s*1664525+1013904223)>>>0;return s/2**32-.5}
const R=(n,k)=>Float32Array.from({length:n},()=>rnd()*k)
const g=new Graph('vit');const x=g.input('p',['b',3,224,224])
let c=g.apply('Conv',[x,g.floats([768,3,32,32],R(768*3*1024,.05))],{strides:[32,32]})
let t=g.apply('Transpose',[g.apply('Reshape',[c,g.integers([0,768,49])])],{perm:[0,2,1]})
for(let l=0;l<2;l++){
 const q=g.apply('MatMul',[t,g.floats([768,768],R(768*768,.1))]),k=g.apply('MatMul',[t,g.floats([768,768],R(768*768,.1))])
 const H=v=>g.apply('Transpose',[g.apply('Reshape',[v,g.integers([0,49,12,64])])],{perm:[0,2,1,3]})
 const a=g.apply('Softmax',[g.apply('Mul',[g.apply('MatMul',[H(q),g.apply('Transpose',[H(k)],{perm:[0,1,3,2]})]),g.scalar(.125)])],{axis:-1})
 const o=g.apply('Reshape',[g.apply('Transpose',[g.apply('MatMul',[a,H(t)])],{perm:[0,2,1,3]}),g.integers([0,49,768])])
 t=g.apply('Add',[t,o])
 const h=g.apply('Sigmoid',[g.apply('MatMul',[t,g.floats([768,3072],R(768*3072,.05))])])
 t=g.apply('Add',[t,g.apply('MatMul',[h,g.floats([3072,768],R(768*3072,.05))])])
}
const cls=g.apply('ReduceMean',[g.apply('Slice',[t,g.integers([0]),g.integers([1]),g.integers([1])])],{axes:[1],keepdims:0})
g.output('e',g.apply('MatMul',[cls,g.floats([768,512],R(768*512,.05))]),['b',512])
const bytes=g.toBytes('x');console.log(bytes.length)
for(const th of [1,2]){
const ses=await InferenceSession.create(bytes,{intraOpNumThreads:th})
const im=R(16*150528,3);const S=150528
const run=async(a,b)=>(await ses.run({p:new Tensor('float32',im.slice(a*S,b*S),[b-a,3,224,224])})).e.data.slice()
const w=await run(0,16)
for(const [a,b] of [[8,16],[12,16],[14,16],[15,16],[0,1],[3,4],[0,2],[5,7],[0,3],[0,5],[0,7],[0,11],[0,13]]){const r=await run(a,b);let d=0,m=0;for(let i=0;i<r.length;i++){const e=Math.abs(r[i]-w[a*512+i]);if(e){d++;m=Math.max(m,e)}}console.log(th,a,b,'diff',d,m,'scale',Math.abs(w[0]).toFixed(3))}
}
