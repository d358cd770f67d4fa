package report

import (
	"strings"
	"testing"

	"gpusim"
	"gpusim/configs"
	"gpusim/nvlink"
)

func TestLinks(t *testing.T) {
	if LinksCSV(entries()) != nil || linkLines(&gpusim.Result{}) != "" {
		t.Error("machines of one device have links")
	}
	r := gpusim.Result{AlgGBps: 61, BusGBps: 114.4, Links: []nvlink.LinkUse{
		{Link: "GPU0-GPU1 nvlink2 x2", Dir: "GPU0>GPU1", Data: 800, Wire: 1000, BusyPct: 12.5},
		{Link: "GPU0-GPU1 nvlink2 x2", Dir: "GPU1>GPU0", Data: 80, Wire: 100, BusyPct: 50},
		{Link: "GPU0-CPU pcie3", Dir: "GPU0>CPU"},
	}}
	e := Entry{Machine: &configs.Machine{Name: "box", Kind: configs.KindSystem, System: &configs.System{}}, Workload: "p2p:bytes=800", Result: r}
	want := "machine,workload,link,dir,bytes,busy_pct,wire_bytes\n" +
		"box,p2p:bytes=800,GPU0-GPU1 nvlink2 x2,GPU0>GPU1,800,12.5,1000\n" +
		"box,p2p:bytes=800,GPU0-GPU1 nvlink2 x2,GPU1>GPU0,80,50,100\n" +
		"box,p2p:bytes=800,GPU0-CPU pcie3,GPU0>CPU,0,0,0\n"
	if got := string(LinksCSV([]Entry{e})); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	text := linkLines(&r)
	if !strings.Contains(text, "114.4 GB/s on the busiest links") || strings.Index(text, "GPU1>GPU0") > strings.Index(text, "GPU0>GPU1") || strings.Contains(text, "pcie3") {
		t.Errorf("%s", text)
	}
}
