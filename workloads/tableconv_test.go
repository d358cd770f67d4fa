package workloads

import "testing"

// TestConvLayouts: DeepBench's convolutions in int8 have channels in blocks of 32 on any
// board, those on Tensor Cores lie by channels, and other sources' images by planes.
func TestConvLayouts(t *testing.T) {
	const header = "device,precision_in,tensor_core,pass,n,c,h,w,k,r,s,pad_h,pad_w,stride_h,stride_w,time_us,algorithm,source\n"
	for _, tc := range []struct {
		dtype, tensor, source string
		layout                string
		c, k                  int
	}{
		{"int8", "false", "baidu-research/DeepBench:x", LayoutVectC, 32, 64},
		{"int8", "true", "baidu-research/DeepBench:x", LayoutVectC, 32, 64},
		{"fp16", "true", "baidu-research/DeepBench:x", LayoutNHWC, 3, 48},
		{"fp32", "false", "baidu-research/DeepBench:x", LayoutNCHW, 3, 48},
		{"int8", "false", "mine", LayoutNCHW, 3, 48},
	} {
		tab, err := ReadTable("c.csv", []byte(header+"GeForce GTX 1080 Ti,"+tc.dtype+","+tc.tensor+",fwd,1,3,224,224,48,3,3,1,1,1,1,122,x,"+tc.source+"\n"))
		if err != nil {
			t.Fatal(err)
		}
		rows, err := tab.MeasuredConvs()
		if err != nil || len(rows) != 1 {
			t.Fatalf("%+v: %d rows, %v", tc, len(rows), err)
		}
		if c := rows[0].Workload.Conv; c.Layout != tc.layout || c.C != tc.c || c.K != tc.k {
			t.Errorf("%+v: layout %s, %d channels, %d filters", tc, c.Layout, c.C, c.K)
		}
	}
}
