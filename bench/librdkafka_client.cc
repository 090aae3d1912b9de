// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <thread>

#include "client.h"

namespace ringpost::bench {

namespace {

class LibrdkafkaClient : public Client {
public:
    explicit LibrdkafkaClient(const ClientOptions& asked)
        : partitions_(asked.partitions), payload_(asked.payload, asked.value_bytes) {
        rd_kafka_conf_t* conf = rd_kafka_conf_new();
        set(conf, "bootstrap.servers", asked.brokers);
        set(conf, "acks", std::to_string(asked.acks));
        set(conf, "linger.ms", fmt::format("{}", asked.linger_ms));
        set(conf, "queue.buffering.max.messages", std::to_string(asked.queue_records_max));
        set(conf, "compression.codec", asked.codec());
        if (!asked.level().empty()) set(conf, "compression.level", asked.level());
        if (asked.batch_bytes != 0) set(conf, "batch.size", std::to_string(asked.batch_bytes));
        set(conf, "log_level", "0");
        rd_kafka_conf_set_dr_msg_cb(conf, [](rd_kafka_t*, const rd_kafka_message_t* m, void* me) {
            auto& client = *static_cast<LibrdkafkaClient*>(me);
            if (m->err != RD_KAFKA_RESP_ERR_NO_ERROR && !client.purged_) {
                die(rd_kafka_err2str(m->err));
            }
            ++client.seen_;
        });
        rd_kafka_conf_set_opaque(conf, this);
        char error[256];
        client_ = rd_kafka_new(RD_KAFKA_PRODUCER, conf, error, sizeof error);
        if (client_ == nullptr) die(error);
        topic_ = rd_kafka_topic_new(client_, asked.topic.c_str(), nullptr);
    }
    LibrdkafkaClient(const LibrdkafkaClient&) = delete;
    LibrdkafkaClient& operator=(const LibrdkafkaClient&) = delete;
    ~LibrdkafkaClient() override {
        rd_kafka_topic_destroy(topic_);
        rd_kafka_destroy(client_);
    }

    void send(std::uint64_t records) override {
        seen_ = 0;
        for (std::uint64_t i = 0; i < records; ++i) {
            const std::string_view value = payload_.next();
            while (!produce(i, value)) rd_kafka_poll(client_, 10);
            if (i % poll_every == 0) rd_kafka_poll(client_, 0);
        }
        while (seen_ < records) rd_kafka_poll(client_, 1000);
    }

    std::uint64_t queue(std::uint64_t records) override {
        for (std::uint64_t i = 0; i < records; ++i) {
            if (!produce(i, payload_.next())) return i;
        }
        return records;
    }

    void idle(std::chrono::nanoseconds time) override { std::this_thread::sleep_for(time); }

    void purge() override {
        purged_ = true;
        rd_kafka_purge(client_, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    }

private:
    static void set(rd_kafka_conf_t* conf, const char* name, const std::string& value) {
        char error[256];
        if (rd_kafka_conf_set(conf, name, value.c_str(), error, sizeof error) != RD_KAFKA_CONF_OK) {
            die(error);
        }
    }

    bool produce(std::uint64_t i, std::string_view value) {
        const auto partition = partitions_ == 0 ? RD_KAFKA_PARTITION_UA
                                                : static_cast<std::int32_t>(i % partitions_);
        return rd_kafka_produce(topic_, partition, RD_KAFKA_MSG_F_COPY,
                                const_cast<char*>(value.data()), value.size(), nullptr, 0,
                                nullptr) == 0;
    }

    const std::uint32_t partitions_;
    Payload payload_;
    rd_kafka_t* client_ = nullptr;
    rd_kafka_topic_t* topic_ = nullptr;
    std::uint64_t seen_ = 0;
    bool purged_ = false;
};

}  // namespace

std::unique_ptr<Client> make_librdkafka(const ClientOptions& options) {
    return std::make_unique<LibrdkafkaClient>(options);
}

std::string librdkafka_version() { return rd_kafka_version_str(); }

}  // namespace ringpost::bench
