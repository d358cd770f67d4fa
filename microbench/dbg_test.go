package microbench
import ("testing";"context";"gpusim/configs";"gpusim/sm";"gpusim/sm/gpu";"fmt";"os";"strings")
func TestDbg(t *testing.T){
 var sets []string
 if s:=os.Getenv("SETS"); s!="" { sets=strings.Split(s,";") }
 m,_:=configs.Load("v100-pcie",sets)
 r:=&rig{ctx:context.Background(),m:m,g:m.GPU}
 for _,mx:=range []mix{{"","read",1,0},{"","write",0,1},{"","copy",1,1}} {
 dev,_:=gpu.New(r.ctx,r.g,r.g.Clock.Sustained,gpu.Options{})
 k:=r.streams(mx,12)
 var ls []*gpu.Launch
 for i:=0;i<2;i++{ kk,err:=k.build(r.g); if err!=nil{t.Fatal(err)}; p,err:=sm.Prepare(kk,r.g); if err!=nil{t.Fatal(err)}; ls=append(ls,&gpu.Launch{Prepared:p})}
 rep,err:=dev.Run(ls); if err!=nil{t.Fatal(err)}
 c:=rep[1].Memory; cy:=rep[1].Launch.Cycles()
 bytes:=float64(c.DRAMReadSectors+c.DRAMWriteSectors)*32
 tck:=float64(cy)*876/1380
 fmt.Printf("%s: %d cycles, CTAs/SM %d, %.0f GB/s moved, kernel bytes %.0f GB/s, row hits %.2f of %d, act %d, busy %.2f of time, turn %d, l2hit %d miss %d evict %d\n",mx.name,cy,ls[0].CTAsPerSM,bytes/float64(cy)*1.38, float64(12*k.warps*512*2*k.ctas*(mx.reads+mx.write))/float64(cy)*1.38, float64(c.RowHits)/float64(c.ColumnAccesses),c.ColumnAccesses,c.Activates,float64(c.DRAMBusy)/32/tck,c.DRAMTurnarounds,c.L2Hits,c.L2Misses,c.L2Evictions)
 }
}
