// Package kafka drives Apache Kafka.
package kafka
