package scalesim

import "testing"

// Reading anything ends without a panic, and errors have a line.
func FuzzRead(f *testing.F) {
	f.Add([]byte("Layer name, IFMAP Height, IFMAP Width, Filter Height, Filter Width, Channels, Num Filter, Strides,\nConv1, 227, 227, 11, 11, 3, 96, 4,\n"), 1)
	f.Add([]byte("Layer, M, N, K,\nfc, 16, 32, 64,\n"), 4)
	f.Add([]byte("Layer,M,N,K\n\"a,1,2\n"), 0)
	f.Fuzz(func(t *testing.T, text []byte, batch int) {
		g, err := Read(text, "fuzz", min(batch, 1<<20))
		if err == nil {
			if err := g.Check(); err != nil {
				t.Error(err)
			}
		}
	})
}
