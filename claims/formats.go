package claims

import (
	"fmt"

	"gpusim"
)

func formatClaims() []Entry {
	const topic = "Number formats"
	faster := func(claim string, slow, fast call, least float64, note string) Entry {
		return Entry{
			topic, claim, commands(slow, fast), "time_us of the first over that of the second", "x", fmt.Sprintf("%g or more", least),
			func(l *Lab) (answer, error) {
				s, f, err := l.both(slow, fast)
				if err != nil {
					return answer{}, err
				}
				v := s.TimeUS / f.TimeUS
				return answer{v, atLeast(v, least, 1.05), fmt.Sprintf("energy %.2f times less; longest kernels %s and %s; %s", s.Energy.TotalUJ/f.Energy.TotalUJ, kernel(&s), kernel(&f), note)}, nil
			},
		}
	}
	const accuracy = "speed only: what a format does to a network's accuracy is not modelled"
	at := func(work string) call { return call{"titan-rtx", work, nil} }
	return []Entry{
		keplerClaim(topic, "fp16"), keplerClaim(topic, "int8"),
		faster("FP16 for training", call{"volta", "model:resnet50,batch=16,dtype=fp32,phase=train", nil}, call{"volta", "model:resnet50,batch=16,dtype=fp16,phase=train", nil}, 2, accuracy),
		faster("INT8 for inference (convolution)", at("conv:n=16,c=256,h=28,w=28,k=256,r=3,s=3,pad=1,dtype=fp16,layout=nhwc"), at("conv:n=16,c=256,h=28,w=28,k=256,r=3,s=3,pad=1,dtype=int8,layout=nhwc"), 1.5, accuracy),
		faster("INT8 for inference (plain matrix product)", at("gemm:2048x2048x2048:fp16"), at("gemm:2048x2048x2048:int8"), 1.5, "plain products in int8 use DP4A, which has no Tensor Core; "+accuracy),
		faster("INT4 for inference (matrix product)", at("gemm:4096x4096x4096:fp16,ta=t"), at("gemm:4096x4096x4096:int4,ta=t"), 3, accuracy),
		faster("INT1 for inference (matrix product)", at("gemm:4096x4096x4096:fp16,ta=t"), at("gemm:4096x4096x4096:int1,ta=t"), 8, accuracy),
	}
}

// keplerClaim: what a narrow type gains on Kepler. A machine that refuses it has
// nothing to compute it with, so the user is left with fp32.
func keplerClaim(topic, dtype string) Entry {
	narrow, wide := call{"kepler", "gemm:2048x2048x2048:" + dtype, nil}, call{"kepler", "gemm:2048x2048x2048:fp32", nil}
	return Entry{
		topic, "Kepler was poor at " + map[string]string{"fp16": "FP16", "int8": "INT8"}[dtype], commands(narrow, wide),
		"rate over that in fp32; 1 if it must be computed in fp32", "x", "1 or less",
		func(l *Lab) (answer, error) {
			w, err := l.run(wide)
			if err != nil {
				return answer{}, err
			}
			n, err := l.run(narrow)
			if gpusim.IsInput(err) {
				return answer{1, Agrees, "not offered, so fp32 it is: " + err.Error()}, nil
			}
			if err != nil {
				return answer{}, err
			}
			v := w.TimeUS / n.TimeUS
			return answer{v, judge(v, 0, 1.1, 0, 1.5), "in place of 2 and 4 on machines that have such instructions"}, nil
		},
	}
}
