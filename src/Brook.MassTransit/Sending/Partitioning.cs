using System.Buffers;
using System.Buffers.Binary;
using System.Text;

namespace Brook.MassTransit;

/// <summary>Which partition a key is in: murmur2 of its UTF-8, as Kafka's default partitioner, so that a stream can move between transports. No key: partition 0.</summary>
internal static class Partitioning
{
    public static int Of(string? key, int partitions)
    {
        if (partitions == 1 || key is null) return 0;
        var bytes = ArrayPool<byte>.Shared.Rent(Encoding.UTF8.GetMaxByteCount(key.Length));
        var hash = Murmur2(bytes.AsSpan(0, Encoding.UTF8.GetBytes(key, bytes)));
        ArrayPool<byte>.Shared.Return(bytes);
        return (int)(hash & 0x7fffffff) % partitions;
    }

    /// <summary>The 32-bit hash with Kafka's seed (org.apache.kafka.common.utils.Utils.murmur2).</summary>
    internal static uint Murmur2(ReadOnlySpan<byte> data)
    {
        const uint Multiplier = 0x5bd1e995;
        var hash = 0x9747b28c ^ (uint)data.Length;
        for (; data.Length >= 4; data = data[4..])
        {
            var word = BinaryPrimitives.ReadUInt32LittleEndian(data) * Multiplier;
            hash = (hash * Multiplier) ^ ((word ^ (word >> 24)) * Multiplier);
        }
        if (data.Length >= 3) hash ^= (uint)data[2] << 16;
        if (data.Length >= 2) hash ^= (uint)data[1] << 8;
        if (data.Length >= 1) hash = (hash ^ data[0]) * Multiplier;
        hash = (hash ^ (hash >> 13)) * Multiplier;
        return hash ^ (hash >> 15);
    }
}
