package models

import "gpusim/workloads/graph"

// languageNets are transformers.
func languageNets() []Model {
	bert := func(n, meaning string, layers, hidden int, aliases ...string) Model {
		t := transformer{layers: layers, hidden: hidden, heads: hidden / 64, vocab: 30522, positions: 512, types: 2}
		return Model{Name: n, Meaning: meaning, Keys: []string{"seq", "head"}, Aliases: aliases, Heads: t.heads, def: Spec{Batch: 1, Seq: 512}, build: t.bert}
	}
	gpt := func(n, meaning string, t transformer, aliases ...string) Model {
		return Model{Name: n, Meaning: meaning, Keys: []string{"seq", "head"}, Aliases: aliases, Heads: t.heads, def: Spec{Batch: 1, Seq: t.positions}, build: t.gpt}
	}
	gpt2 := func(layers, hidden int) transformer {
		return transformer{layers: layers, hidden: hidden, heads: hidden / 64, vocab: 50257, positions: 1024, joined: true, gelu: "gelu_tanh"}
	}
	gpt3 := func(layers, hidden, heads int) transformer {
		return transformer{layers: layers, hidden: hidden, heads: heads, vocab: 50257, positions: 2048, joined: true, gelu: "gelu_tanh"}
	}
	return []Model{
		bert("bert-base", "BERT-base with pooler, in training with the prediction of words in its place (Devlin et al. 2019)", 12, 768),
		bert("bert-large", "BERT-large likewise", 24, 1024, "bert"),
		gpt("gpt2", "GPT-2 small with its output projection, a prompt (Radford et al. 2019)", gpt2(12, 768), "gpt2small"),
		gpt("gpt2-medium", "GPT-2 medium", gpt2(24, 1024)),
		gpt("gpt2-large", "GPT-2 large", gpt2(36, 1280)),
		gpt("gpt2-xl", "GPT-2 XL: 25 heads of 64", gpt2(48, 1600)),
		// Brown et al. list 24 heads of 128 for a width of 2048, which do not go
		// together; 16 do.
		gpt("gpt3-xl", "GPT-3 XL, 1.3 billion parameters (Brown et al. 2020): 16 heads of 128", gpt3(24, 2048, 16)),
		gpt("gpt3-xl-3072", "the same as wide as 24 heads of 128 make it, 3072", gpt3(24, 3072, 24)),
		gpt("gpt3-2.7b", "GPT-3 2.7B: 32 heads of 80", gpt3(32, 2560, 32), "gpt327", "gpt327b"),
		gpt("opt-1.3b", "OPT-1.3B (Zhang et al. 2022)", transformer{layers: 24, hidden: 2048, heads: 32, vocab: 50272, positions: 2048, offset: 2, scaleQ: true, lean: true, gelu: "relu"}, "opt13", "opt13b"),
	}
}

// transformer is the choices among these networks.
type transformer struct {
	layers, hidden, heads, vocab, positions int
	offset                                  int    // rows of the position table that no token uses
	types                                   int    // rows of the table of sentence types; 0: none
	joined                                  bool   // one projection makes q, k and v, its weights kept k x n
	scaleQ                                  bool   // q is scaled rather than the scores, which are clamped, as in OPT's code
	lean                                    bool   // no dropout of embeddings and of attention, as by OPT's defaults
	gelu                                    string // activation; empty: gelu
}

// attend is the attention of a block on rows of tokens: projections, products
// of each head, and the output projection. Devices that share it have some of the
// heads each and sum what those come to, as Megatron-LM does (Shoeybi et al. 2019).
func (t transformer) attend(b *graph.Builder, n string, x, mask *graph.Tensor, s Spec, causal bool) *graph.Tensor {
	h, d := t.heads/s.Tensor, t.hidden/t.heads
	width := h * d
	x = b.AllReduce(n+".sum_gradients", graph.OfGradients, x, s.Tensor)
	var parts [3]*graph.Tensor
	if t.joined {
		qkv := b.Gemm(n+".qkv", x, b.Param(n+".qkv.weight", t.hidden, 3*width), b.Param(n+".qkv.bias", 3*width), false)
		for i := range parts {
			parts[i] = b.Part(name("%s.%c", n, "qkv"[i]), qkv, 1, i*width, width)
		}
	} else {
		for i := range parts {
			parts[i] = b.Linear(name("%s.%c", n, "qkv"[i]), x, width, true)
		}
	}
	if t.scaleQ {
		parts[0] = b.Unary(n+".scale", "mulu", parts[0])
	}
	for i, p := range parts {
		p = b.Reshape(name("%s.%c.heads", n, "qkv"[i]), p, s.Batch, s.Seq, h, d)
		parts[i] = b.Transpose(name("%s.%c.transpose", n, "qkv"[i]), p, 0, 2, 1, 3)
	}
	scores := b.MatMul(n+".scores", parts[0], parts[1], true)
	if !t.scaleQ {
		scores = b.Unary(n+".scale", "mulu", scores)
	}
	scores = b.Masked(n+".mask", scores, mask, causal)
	if t.scaleQ { // OPT's code keeps masked scores from overflowing
		scores = b.Unary(n+".clamp", "maxu", scores)
	}
	p := b.Softmax(n+".softmax", scores)
	if !t.lean {
		p = b.Dropout(n+".drop", p)
	}
	y := b.Transpose(n+".transpose", b.MatMul(n+".context", p, parts[2], false), 0, 2, 1, 3)
	y = b.Reshape(n+".join", y, s.Batch*s.Seq, width)
	return b.AllReduce(n+".sum", graph.OfOutputs, t.linear(b, n+".out", y, t.hidden), s.Tensor)
}

// linear is a projection; GPT-2's code keeps weights k x n, PyTorch's n x k.
func (t transformer) linear(b *graph.Builder, n string, x *graph.Tensor, out int) *graph.Tensor {
	if !t.joined || x == nil {
		return b.Linear(n, x, out, true)
	}
	return b.Gemm(n, x, b.Param(n+".weight", x.Shape[1], out), b.Param(n+".bias", out), false)
}

// feedForward is split by the units between its two projections.
func (t transformer) feedForward(b *graph.Builder, n string, x *graph.Tensor, s Spec) *graph.Tensor {
	fn := t.gelu
	if fn == "" {
		fn = "gelu"
	}
	x = b.AllReduce(n+".sum_gradients", graph.OfGradients, x, s.Tensor)
	x = b.Unary(n+".act", fn, t.linear(b, n+".fc1", x, 4*t.hidden/s.Tensor))
	return b.AllReduce(n+".sum", graph.OfOutputs, t.linear(b, n+".fc2", x, t.hidden), s.Tensor)
}

// embed gives rows of tokens: sums of vectors for the token, its place and, in
// BERT, its sentence.
func (t transformer) embed(b *graph.Builder, s Spec) (x, words *graph.Tensor) {
	words = b.Param("embeddings.word", (t.vocab+s.Tensor-1)/s.Tensor, t.hidden) // words are split
	x = b.Embedding("embed.word", b.Input("tokens", s.Batch*s.Seq), words)
	x = b.AllReduce("embed.sum", graph.OfOutputs, x, s.Tensor)
	if t.types > 0 {
		types := b.Embedding("embed.type", b.Input("types", s.Batch*s.Seq), b.Param("embeddings.type", t.types, t.hidden))
		x = b.Binary("embed.add_type", "add", x, types)
	}
	place := b.Embedding("embed.position", b.Input("positions", s.Batch*s.Seq), b.Param("embeddings.position", t.positions+t.offset, t.hidden))
	return b.Binary("embed.add_position", "add", x, place), words
}

// bert normalises after each residual sum. It is trained by predicting words: a layer
// more and a projection onto the embedding's weights for every token. Which of two
// sentences comes first, which pretraining asks of the pooler too, is left out.
func (t transformer) bert(b *graph.Builder, s Spec) *graph.Tensor {
	x, words := t.embed(b, s)
	x = b.Dropout("embed.drop", b.LayerNorm("embed.norm", x))
	mask := b.Input("mask", s.Batch, 1, 1, s.Seq)
	for i := range t.layers {
		n := name("layer%d", i)
		y := b.Dropout(n+".attn.drop_out", t.attend(b, n+".attn", x, mask, s, false))
		x = b.LayerNorm(n+".attn.norm", b.Binary(n+".attn.add", "add", y, x))
		y = b.Dropout(n+".ffn.drop", t.feedForward(b, n+".ffn", x, s))
		x = b.LayerNorm(n+".ffn.norm", b.Binary(n+".ffn.add", "add", y, x))
	}
	if s.Train && !s.NoHead {
		x = b.LayerNorm("transform.norm", b.Unary("transform.act", "gelu", b.Linear("transform", x, t.hidden, true)))
		return t.head(b, x, words, b.Param("head.bias", words.Shape[0]), s)
	}
	first := b.Reshape("first", b.Slice("pooler.first", b.Reshape("rows", x, s.Batch, s.Seq, t.hidden), 1, 0, 1), s.Batch, t.hidden)
	return b.Unary("pooler.tanh", "tanh", b.Linear("pooler", first, t.hidden, true))
}

// gpt normalises before, attends to earlier tokens alone, and ends with a
// projection onto the words, whose weights are the embedding's.
func (t transformer) gpt(b *graph.Builder, s Spec) *graph.Tensor {
	x, words := t.embed(b, s)
	if !t.lean {
		x = b.Dropout("embed.drop", x)
	}
	mask := b.Buffer("mask", s.Seq, s.Seq)
	for i := range t.layers {
		n := name("layer%d", i)
		y := t.attend(b, n+".attn", b.LayerNorm(n+".attn.norm", x), mask, s, true)
		x = b.Binary(n+".attn.add", "add", b.Dropout(n+".attn.drop_out", y), x)
		y = t.feedForward(b, n+".ffn", b.LayerNorm(n+".ffn.norm", x), s)
		x = b.Binary(n+".ffn.add", "add", b.Dropout(n+".ffn.drop", y), x)
	}
	if x = b.LayerNorm("norm", x); s.NoHead {
		return x
	}
	return t.head(b, x, words, nil, s)
}

// head is the projection onto words, of which devices that share it have some each.
func (t transformer) head(b *graph.Builder, x, words, bias *graph.Tensor, s Spec) *graph.Tensor {
	return b.Gemm("head", b.AllReduce("head.sum_gradients", graph.OfGradients, x, s.Tensor), words, bias, true)
}
