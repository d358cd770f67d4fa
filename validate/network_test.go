package validate

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gpusim"
	"gpusim/configs"
	"gpusim/workloads"
)

func TestDeviceOf(t *testing.T) {
	for in, want := range map[string]struct {
		device string
		gpus   int
	}{
		"NVIDIA DGX-1 (1x V100 16GB)":              {"V100-SXM2", 1},
		"NVIDIA DGX-1 16GB (8x V100 16GB) [1 GPU]": {"V100-SXM2", 1},
		"NVIDIA DGX A100 (8x A100 80GB) [8 GPU]":   {"A100-SXM4-80GB", 8},
		"NVIDIA T4 (1x T4 16G)":                    {"T4", 1},
		"NVIDIA A100-SXM4-40GB x4":                 {"NVIDIA A100-SXM4-40GB", 4},
		"A100-PCIe-80GBx1_TRT":                     {"A100-PCIE-80GB", 1},
		"Alibaba/T4x1_TRT":                         {"T4", 1},
		"DGX-A100_A100-SXM4x8_TRT":                 {"A100-SXM4-40GB", 8},
		"Tesla V100-PCIE-32GB":                     {"Tesla V100-PCIE-32GB", 1},
	} {
		device, gpus := deviceOf(in)
		if device != want.device || gpus != want.gpus {
			t.Errorf("%s: %q x%d, want %q x%d", in, device, gpus, want.device, want.gpus)
		}
		if name, ok := configs.ForDevice(device); !ok {
			t.Errorf("%s: no machine file answers to %q (%s)", in, device, name)
		}
	}
}

// netRun takes a microsecond for each thousand multiply-adds.
func netRun(_ context.Context, m *configs.Machine, w workloads.Workload, _ gpusim.Options) (gpusim.Result, error) {
	if !gpusim.Fits(m, w.Net) {
		return gpusim.Result{}, &gpusim.InputError{Err: errors.New("does not fit")}
	}
	us := float64(w.Net.MACs) / 1e6
	return gpusim.Result{TimeUS: us, Batch: w.Net.Batch, ImagesPerS: 1, Layers: []gpusim.Layer{{Kernel: "k", Kernels: 100, Count: 1, TimeUS: us}}}, nil
}

func TestNetworkRows(t *testing.T) {
	header := strings.Join([]string{"device", "model", "batch", "precision", "phase", "latency_ms", "throughput", "power_w", "source"}, ",")
	for in, want := range map[string]string{ // workload and figure, or the reason behind "-", or the error behind "!"
		`NVIDIA DGX-1 (1x V100 16GB),resnet50v1.5 (pytorch),64,fp32,infer,55.4,1200,,NVIDIA/DeepLearningExamples:x`:      "model:resnet50,batch=64,dtype=fp32,fused=false throughput infer/fp32",
		`NVIDIA T4,resnet50v1.5 (tensorflow+xla),64,amp_fp16,infer,10,6400,,NVIDIA/DeepLearningExamples:x`:               "model:resnet50,batch=64,dtype=fp16,fused=norms latency_ms infer/fp16",
		`NVIDIA DGX-1 16GB (8x V100 16GB) [1 GPU],resnet50v1.5 (pytorch),,amp_fp16,train,,800,,DeepLearningExamples`:     "model:resnet50,batch=256,dtype=fp16,phase=train throughput train/fp16",
		`NVIDIA DGX-1 16GB (8x V100 16GB) [1 GPU],resnet50v1.5 (pytorch),,fp32,train,,367,,DeepLearningExamples`:         "model:resnet50,batch=128,dtype=fp32,phase=train throughput train/fp32",
		`Tesla V100-PCIE-32GB,"gpt2_large(seq=1024)",4,fp32,infer,535,7.47,,sitar-lab/NeuSight:label`:                    "model:gpt2-large,batch=4,dtype=fp32,fused=false,seq=1024 latency_ms infer/fp32",
		`NVIDIA L4,"gpt2_large(seq=1024,fusion)",4,fp32,infer,535,7.47,,sitar-lab/NeuSight:label`:                        "model:gpt2-large,batch=4,dtype=fp32,seq=1024 latency_ms infer/fp32",
		`T4x1_TRT,bert-99/Offline,256,int8,infer,,443,,mlcommons`:                                                        "model:bert-large,batch=256,dtype=int8,seq=384 throughput infer/int8",
		`T4x1_TRT,resnet50/Server,,int8,infer,,443,,mlcommons`:                                                           "-scenario server",
		`T4x8,resnet/Offline,,int8,infer,,443,,mlcommons`:                                                                `-8 GPUs: no system file answers to "T4" in "T4"`,
		`NVIDIA DGX-1 16GB (8x V100 16GB) [8 GPU],resnet50v1.5 (mxnet),192,amp_fp16,train,,10723,,DeepLearningExamples`:  "model:resnet50,batch=192,dtype=fp16,phase=train,fused=true,gpus=8 throughput train/fp16",
		`NVIDIA DGX-1 16GB (8x V100 16GB) [8 GPU],resnet50v1.5 (pytorch),128,amp_fp16,train,,8322,,DeepLearningExamples`: "model:resnet50,batch=128,dtype=fp16,phase=train,gpus=8,grads=fp32 throughput train/fp16",
		`NVIDIA DGX-2 (16x V100 32GB) [16 GPU],resnet50v1.5 (mxnet),,fp32,train,,6338,,DeepLearningExamples`:             "model:resnet50,batch=128,dtype=fp32,phase=train,gpus=16 throughput train/fp32",
		`NVIDIA A100-SXM4-40GB x4,"gpt2_large(seq=1024,pp4_1)",4,fp32,train,1597,2.5,,sitar-lab/NeuSight:label`:          "model:gpt2-large,batch=4,dtype=fp32,phase=train,seq=1024,gpus=4,pipeline=4,micro=1 latency_ms train/fp32",
		`DGX-A100_A100-SXM-80GBx8_TRT,resnet50/Offline,8,int8,infer,,443,,mlcommons`:                                     "model:resnet50,batch=8,dtype=int8,gpus=8 throughput infer/int8",
		`NVIDIA A100-SXM4-40GB x4,"gpt2_large(seq=1024,tp3)",4,fp32,train,1597,2.5,,sitar-lab/NeuSight:label`:            "-gpus=4 is not data=1 x tensor=3",
		`NVIDIA H100 80GB HBM3,"gpt2_large(seq=1024,tp4)",4,fp32,train,9,,,sitar-lab/NeuSight:label`:                     "-one GPU, but gpt2_large",
		`T4x1_TRT,rnnt/Offline,,int8,infer,,443,,mlcommons`:                                                              `-no network is known as "rnnt"`,
		`T4x1_TRT,resnet50/Offline,,,infer,,443,,mlcommons`:                                                              "-no precision is listed",
		`T4x1_TRT,resnet50/Offline,,"int8,fp16",infer,,443,,mlcommons`:                                                   "-a mixture of precisions",
		`T4x1_TRT,resnet50/Offline,2+2xdla1,int8,infer,,443,,mlcommons`:                                                  "-batch 2+2xdla1",
		`T4x1_TRT,resnet50/Offline,8,int8,infer,,,,mlcommons`:                                                            "-neither a latency nor a throughput",
		`NVIDIA H100 80GB HBM3 x4,"gpt2_large(seq=1024,tp4)",4,fp32,train,9,,,sitar-lab/NeuSight:label`:                  "model:gpt2-large,batch=4,dtype=fp32,phase=train,seq=1024,gpus=4,tensor=4 latency_ms train/fp32",
		`Voodoo 2,resnet50,8,int8,infer,9,,,x`:                                                                           `-no machine file answers to the device "Voodoo 2"`,
		`NVIDIA T4,"opt_13(seq=2048)",32,fp32,infer,9,,,NeuSight`:                                                        "-does not fit",
		`NVIDIA T4,resnet50(layout=nchw),8,fp16,infer,9,,,x`:                                                             "model:resnet50,batch=8,dtype=fp16,layout=nchw latency_ms infer/fp16",
		`NVIDIA T4,resnet50(dtype=fp32),8,,infer,9,,,x`:                                                                  "model:resnet50,batch=8,dtype=fp32 latency_ms infer/fp32",
		`NVIDIA T4,"resnet50(batch=4,dtype=fp16)",8,fp32,infer,9,,,x`:                                                    "model:resnet50,batch=4,dtype=fp16 latency_ms infer/fp16",
		`NVIDIA T4,"gpt2(seq=1024,head=false)",1,fp32,infer,9,,,x`:                                                       "model:gpt2,batch=1,dtype=fp32,seq=1024,head=false latency_ms infer/fp32",
		`NVIDIA T4,"gpt2_large(seq=512,head=false)",1,fp32,infer,9,,,sitar-lab/NeuSight:label`:                           "model:gpt2-large,batch=1,dtype=fp32,fused=false,seq=512,head=false latency_ms infer/fp32",
		`Tesla V100-PCIE-32GB,bert_large(seq=512),2,fp32,train,234,,,sitar-lab/NeuSight:label`:                           "model:bert-large,batch=2,dtype=fp32,phase=train,seq=512,optimizer=none latency_ms train/fp32",
		`NVIDIA T4,"lstm(hidden=1024,steps=25,input=512)",8,fp32,infer,9,,,x`:                                            "model:lstm,batch=8,dtype=fp32,hidden=1024,steps=25,input=512 latency_ms infer/fp32",
		`NVIDIA T4,"resnet50(pytorch, fused=true)",8,fp32,infer,9,,,x`:                                                   "model:resnet50,batch=8,dtype=fp32 latency_ms infer/fp32",
		`NVIDIA T4,"resnet50(tensorflow+xla,fused=false)",8,fp32,infer,9,,,x`:                                            "model:resnet50,batch=8,dtype=fp32,fused=false latency_ms infer/fp32",
		`NVIDIA T4,resnet50(fused=norms),8,fp32,infer,9,,,x`:                                                             "model:resnet50,batch=8,dtype=fp32,fused=norms latency_ms infer/fp32",
		`NVIDIA T4,resnet50(optimizer=sgd),8,fp32,train,9,,,x`:                                                           "model:resnet50,batch=8,dtype=fp32,phase=train,optimizer=sgd latency_ms train/fp32",
		`NVIDIA T4,resnet50(phase=train),8,fp32,infer,9,,,x`:                                                             "model:resnet50,batch=8,dtype=fp32,phase=train latency_ms train/fp32",
		`NVIDIA DGX-1 16GB (8x V100 16GB) [8 GPU],"resnet50v1.5 (pytorch,grads=fp16,bucket=1MiB)",64,fp16,train,9,,,x`:   "model:resnet50,batch=64,dtype=fp16,phase=train,gpus=8,bucket=1MiB latency_ms train/fp16",
		`NVIDIA A100-SXM4-40GB x4,"gpt2_large(tensor=2,pipeline=2,micro=2,schedule=gpipe)",4,fp32,train,9,,,x`:           "model:gpt2-large,batch=4,dtype=fp32,phase=train,seq=1024,gpus=4,tensor=2,pipeline=2,micro=2,schedule=gpipe latency_ms train/fp32",
		`NVIDIA A100-SXM4-40GB,"gpt2_large(gpus=4,tensor=4)",4,fp32,infer,9,,,x`:                                         "model:gpt2-large,batch=4,dtype=fp32,seq=1024,gpus=4,tensor=4 latency_ms infer/fp32",
		`NVIDIA T4,ResNet-50/v1.5,8,fp32,infer,9,,,x`:                                                                    "model:resnet50,batch=8,dtype=fp32 latency_ms infer/fp32",
		`NVIDIA T4,resnet50 (v1)/Offline,8,fp32,infer,9,,,x`:                                                             "model:resnet50-v1,batch=8,dtype=fp32 latency_ms infer/fp32",
		`NVIDIA T4,gpt2(seq=64)/Offline,8,fp32,infer,9,,,x`:                                                              "model:gpt2,batch=8,dtype=fp32,seq=64 latency_ms infer/fp32",
		`NVIDIA T4,bert-large/v2,8,fp32,infer,9,,,x`:                                                                     `-no network is known as "bert-large-v2"`,
		`NVIDIA T4,resnet50(optimizer=sgd),8,fp32,infer,9,,,x`:                                                           "-optimizer=sgd is for phase=train",
		`NVIDIA T4,resnet50(fused=true),8,fp32,train,9,,,x`:                                                              "-fused=true in training is for layout=nhwc",
		`NVIDIA T4,bert-large(sqe=5),8,fp32,infer,9,,,x`:                                                                 `-model "bert-large(sqe=5)": unknown key "sqe" (did you mean "seq"?)`,
		`NVIDIA T4,bert-large(seq=0),8,fp32,infer,9,,,x`:                                                                 "-seq=0 is out of range",
		`NVIDIA T4,"bert-large(seq=5,seq=6)",8,fp32,infer,9,,,x`:                                                         "-seq is given twice",
		`NVIDIA T4,resnet50(seq=5),8,fp32,infer,9,,,x`:                                                                   "-seq=5 means nothing to it",
		`NVIDIA T4,resnet50(dtype=fp99),8,fp32,infer,9,,,x`:                                                              "-unknown dtype",
		`NVIDIA T4,resnet50(layout=chwn),8,fp32,infer,9,,,x`:                                                             "-layout=chwn (allowed: ",
		`NVIDIA T4,resnet50(turbo),8,fp32,infer,9,,,x`:                                                                   `-option "turbo" is not known`,
		`NVIDIA T4,resnet50(dtype=fp32),8,int7,infer,9,,,x`:                                                              "!t.csv:2: precision: unknown dtype",
		`NVIDIA T4,resnet50,8,int8,infer,-9,,,x`:                                                                         `!t.csv:2: latency_ms: "-9" is not a number above 0`,
		`NVIDIA T4,resnet50,zero,int8,infer,9,,,x`:                                                                       `!t.csv:2: batch: "zero" is not a whole number`,
		`NVIDIA T4,resnet50,8,int7,infer,9,,,x`:                                                                          "!t.csv:2: precision: unknown dtype",
		`NVIDIA T4,resnet50,8,int8,dream,9,,,x`:                                                                          `!t.csv:2: phase: "dream"`,
		`,resnet50,8,int8,infer,9,,,x`:                                                                                   "!t.csv:2: device: empty",
	} {
		path := filepath.Join(t.TempDir(), "t.csv")
		if err := os.WriteFile(path, []byte(header+"\n"+in+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		var tab Tables
		err := tab.LoadFile(path)
		if reason, bad := strings.CutPrefix(want, "!"); bad {
			if err == nil || !strings.Contains(err.Error(), reason) {
				t.Errorf("%s: got %v, want %s", in, err, reason)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", in, err)
			continue
		}
		rep, err := tab.Run(context.Background(), Options{Run: netRun, Machine: func(device string) (*configs.Machine, error) {
			name, ok := configs.ForDevice(device)
			if !ok && slices.Contains(configs.SystemNames(), device) {
				name, ok = device, true
			}
			if !ok {
				return nil, nil
			}
			return configs.Load(name, nil)
		}})
		if err != nil {
			t.Fatal(err)
		}
		if reason, skip := strings.CutPrefix(want, "-"); skip {
			if len(rep.Skipped) != 1 || !strings.Contains(rep.Skipped[0].Reason, reason) {
				t.Errorf("%s: got %v, want it skipped: %s", in, rep.Skipped, reason)
			}
			continue
		}
		if len(rep.Rows) != 1 {
			t.Errorf("%s: skipped %v", in, rep.Skipped)
			continue
		}
		r := rep.Rows[0]
		if got := strings.Join([]string{r.Workload, r.Metric, r.Class}, " "); got != want {
			t.Errorf("%s:\n got %s\nwant %s", in, got, want)
		}
	}
}

// Frameworks issue kernels one by one: short passes take the host's time, long
// ones the device's. The throughput is the batch over that.
func TestNetworkFigure(t *testing.T) {
	r := row{network: &networkRow{}, metric: metricThroughput, measured: 1000, method: Method{Name: Eager, HostIssueUS: 50, GapUS: 1}}
	w, err := workloads.Parse("model:tpu-mlp1,batch=8")
	if err != nil {
		t.Fatal(err)
	}
	r.work = w
	for _, c := range []struct{ us, want float64 }{{1000, 8 / 5000e-6}, {9900, 8 / 10000e-6}} {
		got := r.compareNetwork(&gpusim.Result{TimeUS: c.us, Batch: 8, Layers: []gpusim.Layer{{Kernels: 100, TimeUS: c.us}}})
		if math.Abs(got.Simulated/c.want-1) > 1e-12 {
			t.Errorf("%g us: %g samples a second, want %g", c.us, got.Simulated, c.want)
		}
	}
}
