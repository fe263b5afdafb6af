package cluster

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// managementOffset is how far a node's management port lies above its AMQP port, as between RabbitMQ's own 5672 and 15672. The driver
// looks for it there.
const managementOffset = 10_000

// rabbitmqConf is what one node is configured with.
type rabbitmqConf struct {
	// name in Erlang's sense, such as n1@127.0.0.1.
	name string
	// id is the name of the cluster.
	id string
	// client and dist are the ports for AMQP and for the other nodes; epmd that of the cluster's port mapper.
	client, dist, epmd int
	// peers are the Erlang names of all nodes of a cluster that forms by itself; nil where nodes are joined by ordeal.
	peers []string
	// settings are the scenario's; they outrank the ones made here.
	settings map[string]string
}

// own are the settings that decide what ordeal relies upon.
func (c rabbitmqConf) own() map[string]string {
	own := map[string]string{
		"cluster_name":        c.id,
		"listeners.tcp.1":     loopback(c.client),
		"management.tcp.ip":   "127.0.0.1",
		"management.tcp.port": strconv.Itoa(c.client + managementOffset),
	}
	if len(c.peers) > 0 {
		own["cluster_formation.peer_discovery_backend"] = "classic_config"
		own["cluster_formation.discovery_retry_interval"] = "250"
		own["cluster_formation.discovery_retry_limit"] = "120"
		for i, peer := range c.peers {
			own[fmt.Sprintf("cluster_formation.classic_config.nodes.%d", i+1)] = peer
		}
	}
	return own
}

// quick are defaults for a cluster that lives for minutes on one machine. A scenario may set each of them otherwise.
func (rabbitmqConf) quick() map[string]string {
	return map[string]string{
		"loopback_users":                    "none",
		"log.console":                       "true",
		"log.file":                          "false",
		"disk_free_limit.absolute":          "50MB",
		"vm_memory_high_watermark.absolute": "1GB",
		// Unacknowledged messages are counted by statistics, which are otherwise up to 5 s old.
		"collect_statistics_interval": "500",
		// The management plugin is there for questions about queues; it need keep no history.
		"management_agent.disable_metrics_collector": "true",
	}
}

// all are the settings as they are written. Those that ordeal relies upon are refused when a scenario sets them; all are named at once.
func (c rabbitmqConf) all() (map[string]string, error) {
	all := c.quick()
	var wrong []string
	for _, name := range slices.Sorted(maps.Keys(c.settings)) {
		section, _, _ := strings.Cut(name, ".")
		listener := strings.HasPrefix(name, "listeners.tcp.") || strings.HasPrefix(name, "management.tcp.")
		switch {
		case name == "cluster_name" || section == "cluster_formation" || listener:
			wrong = append(wrong, name+": ordeal sets this one itself")
		case strings.ContainsAny(name+c.settings[name], "\n\r"):
			wrong = append(wrong, name+": it must be one line")
		}
		all[name] = c.settings[name]
	}
	if len(wrong) > 0 {
		return nil, fmt.Errorf("options.rabbitmq.server: %s", strings.Join(wrong, "; "))
	}
	maps.Copy(all, c.own())
	return all, nil
}

// write lays the node's files into home: its configuration, the cluster's cookie, the list of plugins.
func (c rabbitmqConf) write(home, cookie string) error {
	var text strings.Builder
	all, err := c.all()
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		fmt.Fprintf(&text, "%s = %s\n", name, all[name])
	}
	if err := os.WriteFile(filepath.Join(home, "rabbitmq.conf"), []byte(text.String()), 0o644); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(home, "enabled_plugins"), []byte("[rabbitmq_management].\n"), 0o644); err != nil {
		return err
	}
	file := filepath.Join(home, ".erlang.cookie")
	if err := os.Remove(file); err != nil && !errors.Is(err, os.ErrNotExist) { // of an attempt before; it cannot be written
		return err
	}
	return os.WriteFile(file, []byte(cookie), 0o400) // Erlang refuses one that others could read
}

// environment of the node; home is the node's folder as the node sees it.
//
// RUNNING_UNDER_SYSTEMD makes the server's start script replace itself by Erlang, so that the process that was started is the broker.
// Long names with an address need no name service. Ticks of 500 ms keep the counts of quorum queues and streams as fresh as the others.
func (c rabbitmqConf) environment(home string) []string {
	return []string{
		"HOME=" + home, "RUNNING_UNDER_SYSTEMD=true",
		"RABBITMQ_NODENAME=" + c.name, "RABBITMQ_USE_LONGNAME=true",
		fmt.Sprintf("RABBITMQ_DIST_PORT=%d", c.dist), fmt.Sprintf("ERL_EPMD_PORT=%d", c.epmd), "ERL_EPMD_ADDRESS=127.0.0.1",
		"RABBITMQ_MNESIA_BASE=" + home + "/data", "RABBITMQ_LOG_BASE=" + home + "/data/log", "RABBITMQ_LOGS=-",
		"RABBITMQ_ENABLED_PLUGINS_FILE=" + home + "/enabled_plugins",
		"RABBITMQ_CONFIG_FILE=" + home + "/rabbitmq.conf", "RABBITMQ_CONF_ENV_FILE=" + home + "/none.conf",
		"RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS=-kernel net_ticktime 5 inet_dist_use_interface {127,0,0,1} " +
			"-rabbit quorum_tick_interval 500 stream_tick_interval 500",
	}
}
