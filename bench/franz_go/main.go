// SPDX-License-Identifier: Apache-2.0

// The work of bench/compare through franz-go: one goroutine produces keyless records in turn to
// each partition, and each record's outcome is looked at.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "franz_go:", err)
		os.Exit(1)
	}
}

func main() {
	brokers := flag.String("brokers", "", "HOST:PORT,...")
	topic := flag.String("topic", "bench", "topic")
	records := flag.Int("records", 1000000, "messages")
	size := flag.Int("size", 100, "bytes of a value")
	partitions := flag.Int("partitions", 8, "partitions of the topic")
	acks := flag.Int("acks", 1, "-1, 0 or 1")
	lingerMs := flag.Int("linger-ms", 5, "milliseconds")
	queued := flag.Int("queued", 100000, "messages without an outcome, at most")
	flag.Parse()

	required := map[int]kgo.Acks{-1: kgo.AllISRAcks(), 0: kgo.NoAck(), 1: kgo.LeaderAck()}[*acks]
	client, err := kgo.NewClient(
		kgo.SeedBrokers(strings.Split(*brokers, ",")...),
		kgo.RequiredAcks(required),
		kgo.DisableIdempotentWrite(),
		kgo.MaxProduceRequestsInflightPerBroker(5),
		kgo.AllowAutoTopicCreation(),
		kgo.ProducerLinger(time.Duration(*lingerMs)*time.Millisecond),
		kgo.MaxBufferedRecords(*queued),
		kgo.ProducerBatchCompression(kgo.NoCompression()),
		kgo.RecordPartitioner(kgo.ManualPartitioner()),
	)
	check(err)
	defer client.Close()
	value := []byte(strings.Repeat("x", *size))
	var waiting sync.WaitGroup
	var failed atomic.Int64
	promise := func(_ *kgo.Record, err error) {
		if err != nil {
			failed.Add(1)
		}
		waiting.Done()
	}
	produce := func(count int) {
		waiting.Add(count)
		for i := 0; i < count; i++ {
			client.Produce(context.Background(), &kgo.Record{
				Topic: *topic, Partition: int32(i % *partitions), Value: value}, promise)
		}
		waiting.Wait()
	}
	produce(*partitions)
	start := time.Now()
	produce(*records)
	took := time.Since(start).Seconds()
	if failed.Load() != 0 {
		check(fmt.Errorf("%d records failed", failed.Load()))
	}
	fmt.Printf("%d records sent, %.1f records/sec\n", *records, float64(*records)/took)
}
