package scenarios_test

import (
	"ordeal/drivers"
	"ordeal/faults"
	"ordeal/scenarios"
)

// words is a vocabulary as the command line fills it in, without the code behind the words.
func words() scenarios.Vocabulary {
	return scenarios.Vocabulary{
		Drivers: map[string][]drivers.Option{
			"memory": {
				{Name: "lose", Kind: drivers.KindInt, Default: "0", About: "How many acked messages are never delivered."},
				{Name: "delay", Kind: drivers.KindDuration, Default: "0s", About: "How long every delivery is held back."},
			},
			"nats": {
				{Name: "storage", Kind: drivers.KindEnum, Values: []string{"file", "memory"}, Default: "file", About: "Where streams are kept."},
				{Name: "ack_wait", Kind: drivers.KindDuration, Default: "30s", About: "How long the broker waits for an ack."},
			},
		},
		Faults: []faults.Kind{
			{Name: "process.kill", About: "Kills a node.", Acts: "node", Where: "Linux", Evidence: "The old process is gone."},
			{Name: "process.pause", About: "Pauses a node.", Acts: "node", Where: "Linux", Evidence: "The process is stopped."},
			{
				Name: "network.latency", About: "Delays bytes.", Acts: "connection", Where: "everywhere", Evidence: "Calls were delayed.",
				Options: []drivers.Option{
					{Name: "delay", Kind: drivers.KindDuration, Required: true, About: "How long each byte takes more."},
					{Name: "jitter", Kind: drivers.KindDuration, Default: "0s", About: "How much the delay varies to either side."},
					{Name: "direction", Kind: drivers.KindEnum, Values: []string{"both", "send", "receive"}, Default: "both", About: "Which way."},
				},
			},
			{
				Name: "network.reset", About: "Resets connections.", Acts: "connection", Where: "everywhere", Evidence: "Connections were reset.",
				Options: []drivers.Option{
					{Name: "share", Kind: drivers.KindPercent, Default: "100%", About: "Part of the connections."},
					{Name: "every", Kind: drivers.KindDuration, Default: "0s", About: "Pause between resets; 0s for one."},
				},
			},
		},
		Checks: []scenarios.CheckDecl{
			{Name: "no-loss", Guarantee: "Every acked message reaches every group that is owed it."},
			{Name: "no-phantom", Guarantee: "Nothing arrives that was not sent."},
			{Name: "no-corruption", Guarantee: "What arrives is what was sent, bit for bit."},
			{Name: "duplicates", Guarantee: "No more than max extra deliveries.", Params: []drivers.Option{
				{Name: "max", Kind: drivers.KindInt, Default: "0", About: "Extra deliveries that are allowed."},
			}},
			{Name: "order", Guarantee: "First deliveries come in the order of sending.", Bare: "scope", Params: []drivers.Option{
				{Name: "scope", Kind: drivers.KindEnum, Values: []string{"per-shard", "per-key"}, Required: true, About: "Within what."},
			}},
		},
	}
}
