import java.io.BufferedOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/**
 * Prints what topics hold, as Kafka's own client sees it, one line of JSON each:
 *
 *   {"record":"committed"|"uncommitted","topic":t,"partition":p,"offset":o,"timestampMs":n,"key":b,"value":b,"headers":[[name,b],…]}
 *   {"end":"committed"|"uncommitted","topic":t,"partition":p,"offset":o}      read up to here: last stable offset or high watermark
 *   {"group":g,"topic":t,"partition":p,"offset":o}                           a group's committed position
 *   {"done":true}                                                            always the last line; without it the output is not whole
 *
 * b: base64 or null. Arguments: BROKERS DEADLINE_MS, then any of `committed=TOPIC`, `uncommitted=TOPIC`, `group=GROUP`.
 * It ends where each partition ended when it was begun, not when nothing came for a while. Partitions are assigned, so
 * nothing of this is seen by any consumer group.
 */
public class ReadTopics {
  private static final PrintStream OUT = new PrintStream(new BufferedOutputStream(System.out, 1 << 16), false, StandardCharsets.UTF_8);
  private static final Base64.Encoder BASE64 = Base64.getEncoder();

  public static void main(String[] args) throws Exception {
    long deadline = System.nanoTime() + Duration.ofMillis(Long.parseLong(args[1])).toNanos();
    for (String isolation : List.of("committed", "uncommitted")) {
      List<String> topics = wanted(args, isolation);
      if (!topics.isEmpty()) readAll(args[0], isolation, topics, deadline);
    }
    List<String> groups = wanted(args, "group");
    if (!groups.isEmpty()) printPositions(args[0], groups);
    OUT.println("{\"done\":true}");
    OUT.flush();
  }

  private static List<String> wanted(String[] args, String kind) {
    List<String> names = new ArrayList<>();
    for (int i = 2; i < args.length; i++) if (args[i].startsWith(kind + "=")) names.add(args[i].substring(kind.length() + 1));
    return names;
  }

  private static void readAll(String brokers, String isolation, List<String> topics, long deadline) {
    Properties settings = new Properties();
    settings.put("bootstrap.servers", brokers);
    settings.put("isolation.level", "read_" + isolation);
    settings.put("enable.auto.commit", "false");
    settings.put("auto.offset.reset", "earliest");
    settings.put("max.poll.records", "5000");
    try (KafkaConsumer<byte[], byte[]> consumer = new KafkaConsumer<>(settings, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
      List<TopicPartition> partitions = new ArrayList<>();
      for (String topic : topics) for (PartitionInfo info : consumer.partitionsFor(topic)) partitions.add(new TopicPartition(topic, info.partition()));
      consumer.assign(partitions);
      consumer.seekToBeginning(partitions);
      Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
      List<TopicPartition> open = new ArrayList<>(partitions);
      while (!open.isEmpty()) {
        if (System.nanoTime() > deadline) throw new IllegalStateException("not read to the end in time: " + open);
        for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(200))) {
          if (record.offset() < ends.get(new TopicPartition(record.topic(), record.partition()))) print(isolation, record);
        }
        open.removeIf(partition -> consumer.position(partition) >= ends.get(partition));
        consumer.pause(partitions.stream().filter(partition -> !open.contains(partition)).toList());
      }
      for (TopicPartition each : partitions) printPosition("\"end\":" + quoted(isolation), each, ends.get(each));
    }
  }

  private static void printPositions(String brokers, List<String> groups) throws Exception {
    try (Admin admin = Admin.create(Map.of("bootstrap.servers", brokers))) {
      for (String group : groups) {
        Map<TopicPartition, OffsetAndMetadata> positions = admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get();
        positions.forEach((partition, position) -> {
          if (position != null) printPosition("\"group\":" + quoted(group), partition, position.offset());
        });
      }
    }
  }

  private static void print(String isolation, ConsumerRecord<byte[], byte[]> record) {
    StringBuilder line = new StringBuilder("{\"record\":").append(quoted(isolation))
      .append(",\"topic\":").append(quoted(record.topic())).append(",\"partition\":").append(record.partition())
      .append(",\"offset\":").append(record.offset()).append(",\"timestampMs\":").append(record.timestamp())
      .append(",\"key\":").append(bytes(record.key())).append(",\"value\":").append(bytes(record.value())).append(",\"headers\":[");
    String separator = "";
    for (Header header : record.headers()) {
      line.append(separator).append('[').append(quoted(header.key())).append(',').append(bytes(header.value())).append(']');
      separator = ",";
    }
    OUT.println(line.append("]}"));
  }

  private static void printPosition(String of, TopicPartition partition, long offset) {
    OUT.println("{" + of + ",\"topic\":" + quoted(partition.topic()) + ",\"partition\":" + partition.partition() + ",\"offset\":" + offset + "}");
  }

  private static String bytes(byte[] value) {
    return value == null ? "null" : '"' + BASE64.encodeToString(value) + '"';
  }

  /** Header names come from outside: all but plain letters, digits and punctuation goes by its number. */
  private static String quoted(String text) {
    StringBuilder quoted = new StringBuilder("\"");
    for (char unit : text.toCharArray()) {
      if (unit >= ' ' && unit <= '~' && unit != '"' && unit != '\\') quoted.append(unit);
      else quoted.append(String.format("\\u%04x", (int) unit));
    }
    return quoted.append('"').toString();
  }
}
