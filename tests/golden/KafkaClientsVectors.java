// SPDX-License-Identifier: Apache-2.0
// Prints kafka_clients.txt: one message a line, encoded by Apache Kafka's own generated classes, with
// the values that tests/unit/wire/samples.h has. Made with kafka-clients 4.3.0 from Maven Central:
//   java -cp 'libs/*' KafkaClientsVectors.java > kafka_clients.txt
import java.nio.ByteBuffer;
import java.util.List;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.message.*;
import org.apache.kafka.common.protocol.ApiMessage;
import org.apache.kafka.common.protocol.MessageUtil;
import org.apache.kafka.common.record.internal.MemoryRecords;

public class KafkaClientsVectors {
    static final Uuid ID = new Uuid(0x1011121314151617L, 0x18191a1b1c1d1e1fL);

    static void print(String name, int version, ApiMessage message) {
        ByteBuffer bytes = MessageUtil.toByteBufferAccessor(message, (short) version).buffer();
        StringBuilder hex = new StringBuilder();
        while (bytes.hasRemaining()) hex.append(String.format("%02x", bytes.get()));
        System.out.println(name + " " + version + " " + (hex.length() == 0 ? "-" : hex));
    }

    static MemoryRecords records() {
        return MemoryRecords.readableRecords(ByteBuffer.wrap("0123456789".getBytes()));
    }

    public static void main(String[] args) {
        System.out.println("# SPDX-License-Identifier: Apache-2.0");
        System.out.println("# Printed by KafkaClientsVectors.java; see there. MESSAGE VERSION BODY");
        apiVersions();
        metadata();
        produce();
        initProducerId();
        fetch();
        listOffsets();
        group();
        offsets();
    }

    static void apiVersions() {
        for (int v = 0; v <= 4; ++v) {
            var q = new ApiVersionsRequestData();
            if (v >= 3) q.setClientSoftwareName("ringpost").setClientSoftwareVersion("0.1.0");
            print("ApiVersionsRequest", v, q);

            var apis = new ApiVersionsResponseData.ApiVersionCollection();
            int[][] rows = {{0, 3, 13}, {3, 7, 12}, {18, 0, 4}};
            for (int[] r : rows)
                apis.add(new ApiVersionsResponseData.ApiVersion().setApiKey((short) r[0])
                    .setMinVersion((short) r[1]).setMaxVersion((short) r[2]));
            var a = new ApiVersionsResponseData().setErrorCode((short) 42).setApiKeys(apis);
            if (v >= 1) a.setThrottleTimeMs(7);
            if (v >= 3) {
                var supported = new ApiVersionsResponseData.SupportedFeatureKeyCollection();
                supported.add(new ApiVersionsResponseData.SupportedFeatureKey()
                    .setName("metadata.version").setMinVersion((short) 7).setMaxVersion((short) 27));
                supported.add(new ApiVersionsResponseData.SupportedFeatureKey()
                    .setName("transaction.version").setMinVersion((short) 1).setMaxVersion((short) 2));
                var finalized = new ApiVersionsResponseData.FinalizedFeatureKeyCollection();
                finalized.add(new ApiVersionsResponseData.FinalizedFeatureKey()
                    .setName("transaction.version").setMinVersionLevel((short) 1).setMaxVersionLevel((short) 2));
                a.setSupportedFeatures(supported).setFinalizedFeatures(finalized)
                    .setFinalizedFeaturesEpoch(0x0102030405060708L);
            }
            print("ApiVersionsResponse", v, a);
        }
    }

    static void metadata() {
        for (int v = 7; v <= 13; ++v) {
            var q = new MetadataRequestData().setAllowAutoTopicCreation(false);
            q.topics().add(new MetadataRequestData.MetadataRequestTopic().setName("orders"));
            if (v >= 12)
                q.topics().add(new MetadataRequestData.MetadataRequestTopic().setName(null).setTopicId(ID));
            print("MetadataRequest", v, q);
            print("MetadataRequestAll", v,
                new MetadataRequestData().setAllowAutoTopicCreation(true).setTopics(null));

            var a = new MetadataResponseData().setThrottleTimeMs(9).setClusterId("cluster").setControllerId(2);
            a.brokers().add(new MetadataResponseData.MetadataResponseBroker()
                .setNodeId(1).setHost("b1").setPort(9092).setRack("east"));
            a.brokers().add(new MetadataResponseData.MetadataResponseBroker()
                .setNodeId(2).setHost("b2").setPort(9093));
            var t = new MetadataResponseData.MetadataResponseTopic().setErrorCode((short) 5)
                .setName("orders").setIsInternal(true);
            if (v >= 10) t.setTopicId(ID);
            t.partitions().add(new MetadataResponseData.MetadataResponsePartition()
                .setErrorCode((short) 9).setPartitionIndex(3).setLeaderId(1).setLeaderEpoch(17)
                .setReplicaNodes(List.of(1, 2, 3)).setIsrNodes(List.of(2, 1)).setOfflineReplicas(List.of(3)));
            t.partitions().add(new MetadataResponseData.MetadataResponsePartition().setPartitionIndex(4)
                .setLeaderId(-1).setLeaderEpoch(-1));
            a.topics().add(t);
            if (v >= 12)
                a.topics().add(new MetadataResponseData.MetadataResponseTopic()
                    .setErrorCode((short) 100).setName(null).setTopicId(ID));
            if (v >= 13) a.setErrorCode((short) 129);
            print("MetadataResponse", v, a);
        }
    }

    static void produce() {
        for (int v = 3; v <= 13; ++v) {
            var q = new ProduceRequestData().setTransactionalId(null).setAcks((short) -1).setTimeoutMs(30001);
            var t = new ProduceRequestData.TopicProduceData();
            if (v >= 13) t.setTopicId(ID); else t.setName("orders");
            for (int i = 0; i < 2; ++i)
                t.partitionData().add(new ProduceRequestData.PartitionProduceData().setIndex(5 + i)
                    .setRecords(records()));
            q.topicData().add(t);
            print("ProduceRequest", v, q);

            var a = new ProduceResponseData().setThrottleTimeMs(11);
            var r = new ProduceResponseData.TopicProduceResponse();
            if (v >= 13) r.setTopicId(ID); else r.setName("orders");
            var good = new ProduceResponseData.PartitionProduceResponse().setIndex(5)
                .setErrorCode((short) 0).setBaseOffset(1234567890123L).setLogAppendTimeMs(1700000000000L);
            var bad = new ProduceResponseData.PartitionProduceResponse().setIndex(6)
                .setErrorCode((short) 87).setBaseOffset(-1).setLogAppendTimeMs(-1);
            if (v >= 5) good.setLogStartOffset(77);
            if (v >= 8) {
                bad.setErrorMessage("bad batch").setRecordErrors(List.of(
                    new ProduceResponseData.BatchIndexAndErrorMessage().setBatchIndex(2)
                        .setBatchIndexErrorMessage("no key"),
                    new ProduceResponseData.BatchIndexAndErrorMessage().setBatchIndex(4)));
            }
            if (v >= 10) {
                bad.setCurrentLeader(new ProduceResponseData.LeaderIdAndEpoch().setLeaderId(2).setLeaderEpoch(7));
                a.nodeEndpoints().add(new ProduceResponseData.NodeEndpoint().setNodeId(2).setHost("b2")
                    .setPort(9093).setRack("west"));
                a.nodeEndpoints().add(new ProduceResponseData.NodeEndpoint().setNodeId(3).setHost("b3")
                    .setPort(9094));
            }
            r.partitionResponses().addAll(List.of(good, bad));
            a.responses().add(r);
            print("ProduceResponse", v, a);
        }
    }

    static void initProducerId() {
        for (int v = 0; v <= 5; ++v) {
            var q = new InitProducerIdRequestData().setTransactionalId(null).setTransactionTimeoutMs(60000);
            if (v >= 3) q.setProducerId(4242).setProducerEpoch((short) 7);
            print("InitProducerIdRequest", v, q);
            print("InitProducerIdResponse", v, new InitProducerIdResponseData().setThrottleTimeMs(3)
                .setErrorCode((short) 14).setProducerId(0x0102030405060708L).setProducerEpoch((short) 9));
        }
    }

    static void fetch() {
        for (int v = 4; v <= 17; ++v) {
            var q = new FetchRequestData().setMaxWaitMs(500).setMinBytes(1).setMaxBytes(1 << 20)
                .setIsolationLevel((byte) 1);
            if (v <= 14) q.setReplicaId(-1);
            if (v >= 7) q.setSessionId(21).setSessionEpoch(22);
            if (v >= 11) q.setRackId("east");
            var t = new FetchRequestData.FetchTopic();
            if (v >= 13) t.setTopicId(ID); else t.setTopic("orders");
            var p = new FetchRequestData.FetchPartition().setPartition(5).setFetchOffset(1000)
                .setPartitionMaxBytes(4096);
            if (v >= 5) p.setLogStartOffset(10);
            if (v >= 9) p.setCurrentLeaderEpoch(17);
            if (v >= 12) p.setLastFetchedEpoch(16);
            t.partitions().add(p);
            q.topics().add(t);
            if (v >= 7) {
                var f = new FetchRequestData.ForgottenTopic().setPartitions(List.of(8, 9));
                if (v >= 13) f.setTopicId(ID); else f.setTopic("old");
                q.forgottenTopicsData().add(f);
            }
            print("FetchRequest", v, q);

            var a = new FetchResponseData().setThrottleTimeMs(13);
            if (v >= 7) a.setErrorCode((short) 71).setSessionId(21);
            var r = new FetchResponseData.FetchableTopicResponse();
            if (v >= 13) r.setTopicId(ID); else r.setTopic("orders");
            var d = new FetchResponseData.PartitionData().setPartitionIndex(5).setErrorCode((short) 1)
                .setHighWatermark(2000).setLastStableOffset(1900).setRecords(records())
                .setAbortedTransactions(List.of(new FetchResponseData.AbortedTransaction()
                    .setProducerId(4242).setFirstOffset(1500)));
            if (v >= 5) d.setLogStartOffset(10);
            if (v >= 11) d.setPreferredReadReplica(3);
            if (v >= 12)
                d.setCurrentLeader(new FetchResponseData.LeaderIdAndEpoch().setLeaderId(2).setLeaderEpoch(7));
            r.partitions().add(d);
            a.responses().add(r);
            if (v >= 16)
                a.nodeEndpoints().add(new FetchResponseData.NodeEndpoint().setNodeId(2).setHost("b2")
                    .setPort(9093).setRack("west"));
            print("FetchResponse", v, a);
        }
    }

    static void listOffsets() {
        for (int v = 1; v <= 11; ++v) {
            var q = new ListOffsetsRequestData().setReplicaId(-1);
            if (v >= 2) q.setIsolationLevel((byte) 1);
            if (v >= 10) q.setTimeoutMs(1500);
            var p = new ListOffsetsRequestData.ListOffsetsPartition().setPartitionIndex(5).setTimestamp(-2);
            if (v >= 4) p.setCurrentLeaderEpoch(17);
            q.topics().add(new ListOffsetsRequestData.ListOffsetsTopic().setName("orders")
                .setPartitions(List.of(p)));
            print("ListOffsetsRequest", v, q);

            var a = new ListOffsetsResponseData();
            if (v >= 2) a.setThrottleTimeMs(5);
            var d = new ListOffsetsResponseData.ListOffsetsPartitionResponse().setPartitionIndex(5)
                .setErrorCode((short) 78).setTimestamp(1700000000000L).setOffset(1234);
            if (v >= 4) d.setLeaderEpoch(17);
            a.topics().add(new ListOffsetsResponseData.ListOffsetsTopicResponse().setName("orders")
                .setPartitions(List.of(d)));
            print("ListOffsetsResponse", v, a);
        }
    }

    static void group() {
        for (int v = 0; v <= 6; ++v) {
            var q = new FindCoordinatorRequestData();
            if (v <= 3) q.setKey("readers"); else q.setCoordinatorKeys(List.of("readers", "others"));
            if (v >= 1) q.setKeyType((byte) 1);
            print("FindCoordinatorRequest", v, q);
            var a = new FindCoordinatorResponseData();
            if (v >= 1) a.setThrottleTimeMs(2);
            if (v <= 3) a.setErrorCode((short) 15).setNodeId(1).setHost("b1").setPort(9092);
            if (v >= 1 && v <= 3) a.setErrorMessage("later");
            if (v >= 4)
                a.setCoordinators(List.of(
                    new FindCoordinatorResponseData.Coordinator().setKey("readers").setNodeId(1).setHost("b1")
                        .setPort(9092).setErrorCode((short) 15).setErrorMessage("later"),
                    new FindCoordinatorResponseData.Coordinator().setKey("others").setNodeId(2).setHost("b2")
                        .setPort(9093).setErrorMessage(null)));
            print("FindCoordinatorResponse", v, a);
        }
        for (int v = 0; v <= 9; ++v) {
            var q = new JoinGroupRequestData().setGroupId("readers").setSessionTimeoutMs(45000)
                .setMemberId("m1").setProtocolType("consumer");
            if (v >= 1) q.setRebalanceTimeoutMs(300000);
            if (v >= 5) q.setGroupInstanceId("i1");
            if (v >= 8) q.setReason("new");
            q.protocols().add(new JoinGroupRequestData.JoinGroupRequestProtocol().setName("range")
                .setMetadata(new byte[] {1, 2, 3}));
            print("JoinGroupRequest", v, q);
            var a = new JoinGroupResponseData().setErrorCode((short) 27).setGenerationId(6)
                .setProtocolName("range").setLeader("m1").setMemberId("m2");
            if (v >= 2) a.setThrottleTimeMs(2);
            if (v >= 7) a.setProtocolType("consumer");
            if (v >= 9) a.setSkipAssignment(true);
            var m = new JoinGroupResponseData.JoinGroupResponseMember().setMemberId("m1")
                .setMetadata(new byte[] {4, 5});
            if (v >= 5) m.setGroupInstanceId("i1");
            a.setMembers(List.of(m, new JoinGroupResponseData.JoinGroupResponseMember().setMemberId("m2")));
            print("JoinGroupResponse", v, a);
        }
        for (int v = 0; v <= 5; ++v) {
            var q = new SyncGroupRequestData().setGroupId("readers").setGenerationId(6).setMemberId("m1");
            if (v >= 3) q.setGroupInstanceId("i1");
            if (v >= 5) q.setProtocolType("consumer").setProtocolName("range");
            q.setAssignments(List.of(new SyncGroupRequestData.SyncGroupRequestAssignment().setMemberId("m2")
                .setAssignment(new byte[] {6, 7})));
            print("SyncGroupRequest", v, q);
            var a = new SyncGroupResponseData().setErrorCode((short) 27).setAssignment(new byte[] {8});
            if (v >= 1) a.setThrottleTimeMs(2);
            if (v >= 5) a.setProtocolType("consumer").setProtocolName("range");
            print("SyncGroupResponse", v, a);
        }
        for (int v = 0; v <= 4; ++v) {
            var q = new HeartbeatRequestData().setGroupId("readers").setGenerationId(6).setMemberId("m1");
            if (v >= 3) q.setGroupInstanceId("i1");
            print("HeartbeatRequest", v, q);
            var a = new HeartbeatResponseData().setErrorCode((short) 27);
            if (v >= 1) a.setThrottleTimeMs(2);
            print("HeartbeatResponse", v, a);
        }
        for (int v = 0; v <= 5; ++v) {
            var q = new LeaveGroupRequestData().setGroupId("readers");
            var m = new LeaveGroupRequestData.MemberIdentity().setMemberId("m1").setGroupInstanceId("i1");
            if (v >= 5) m.setReason("done");
            if (v <= 2) q.setMemberId("m1"); else q.setMembers(List.of(m));
            print("LeaveGroupRequest", v, q);
            var a = new LeaveGroupResponseData().setErrorCode((short) 27);
            if (v >= 1) a.setThrottleTimeMs(2);
            if (v >= 3)
                a.setMembers(List.of(new LeaveGroupResponseData.MemberResponse().setMemberId("m1")
                    .setGroupInstanceId(null).setErrorCode((short) 25)));
            print("LeaveGroupResponse", v, a);
        }
    }

    static void offsets() {
        for (int v = 2; v <= 9; ++v) {
            var q = new OffsetCommitRequestData().setGroupId("readers").setGenerationIdOrMemberEpoch(6)
                .setMemberId("m1");
            if (v <= 4) q.setRetentionTimeMs(86400000);
            if (v >= 7) q.setGroupInstanceId("i1");
            var p = new OffsetCommitRequestData.OffsetCommitRequestPartition().setPartitionIndex(5)
                .setCommittedOffset(1234).setCommittedMetadata("note");
            if (v >= 6) p.setCommittedLeaderEpoch(17);
            q.setTopics(List.of(new OffsetCommitRequestData.OffsetCommitRequestTopic().setName("orders")
                .setPartitions(List.of(p))));
            print("OffsetCommitRequest", v, q);
            var a = new OffsetCommitResponseData();
            if (v >= 3) a.setThrottleTimeMs(2);
            a.setTopics(List.of(new OffsetCommitResponseData.OffsetCommitResponseTopic().setName("orders")
                .setPartitions(List.of(new OffsetCommitResponseData.OffsetCommitResponsePartition()
                    .setPartitionIndex(5).setErrorCode((short) 22)))));
            print("OffsetCommitResponse", v, a);
        }
        for (int v = 1; v <= 9; ++v) {
            var q = new OffsetFetchRequestData();
            if (v >= 7) q.setRequireStable(true);
            if (v <= 7) {
                q.setGroupId("readers").setTopics(List.of(new OffsetFetchRequestData.OffsetFetchRequestTopic()
                    .setName("orders").setPartitionIndexes(List.of(5, 6))));
            } else {
                var g = new OffsetFetchRequestData.OffsetFetchRequestGroup().setGroupId("readers")
                    .setTopics(List.of(new OffsetFetchRequestData.OffsetFetchRequestTopics()
                        .setName("orders").setPartitionIndexes(List.of(5, 6))));
                var all = new OffsetFetchRequestData.OffsetFetchRequestGroup().setGroupId("others")
                    .setTopics(null);
                if (v >= 9) g.setMemberId("m1").setMemberEpoch(6);
                q.setGroups(List.of(g, all));
            }
            print("OffsetFetchRequest", v, q);
            var a = new OffsetFetchResponseData();
            if (v >= 3) a.setThrottleTimeMs(2);
            if (v <= 7) {
                var p = new OffsetFetchResponseData.OffsetFetchResponsePartition().setPartitionIndex(5)
                    .setCommittedOffset(1234).setMetadata("note").setErrorCode((short) 3);
                if (v >= 5) p.setCommittedLeaderEpoch(17);
                a.setTopics(List.of(new OffsetFetchResponseData.OffsetFetchResponseTopic().setName("orders")
                    .setPartitions(List.of(p))));
                if (v >= 2) a.setErrorCode((short) 14);
            } else {
                var p = new OffsetFetchResponseData.OffsetFetchResponsePartitions().setPartitionIndex(5)
                    .setCommittedOffset(1234).setMetadata("note").setErrorCode((short) 3)
                    .setCommittedLeaderEpoch(17);
                a.setGroups(List.of(new OffsetFetchResponseData.OffsetFetchResponseGroup().setGroupId("readers")
                    .setTopics(List.of(new OffsetFetchResponseData.OffsetFetchResponseTopics().setName("orders")
                        .setPartitions(List.of(p)))).setErrorCode((short) 14)));
            }
            print("OffsetFetchResponse", v, a);
        }
    }
}
