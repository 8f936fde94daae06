import { useBackend, loadData, freezePruneResnet18, keepingBest } from 'sparsebook';
const b = await useBackend({backend:'simd',threads:1});
const data = await loadData('synthetic',{sizes:{train:3000,validation:300,test:500}, seed: 1});
const shared={width:0.125,epochs:8,batch_size:32,lr:2e-3,augment:false,seed:1};
const go=async(name,given,start,from)=>{const run=await freezePruneResnet18(data,{...shared,half:'second',...given},start); const t=performance.now(),c=process.cpuUsage(); let s=name;
 for await (const e of keepingBest(run,{from})) if(e.type==='epoch') s+=` ${e.validation.accuracy.toFixed(3)}/${e.train.accuracy.toFixed(3)}`;
 const d=process.cpuUsage(c); console.log(s, 'test',(await run.evaluate('test')).accuracy, ((performance.now()-t)/1000).toFixed(1),'s cpu',((d.user+d.system)/1e6).toFixed(1)); return run;};
await go('lr 2e-3',{});
await go('one-cycle 6e-3',{lr:6e-3,schedule:'one-cycle'});
await go('lr 4e-3 b64',{lr:4e-3,batch_size:64});
process.exit(0)
