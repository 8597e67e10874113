namespace Brook.Testing;

/// <summary>A source of random numbers that writes down what it gave, and gives the same again, or smaller ones: an event is made simpler without knowing what is in it.</summary>
internal sealed class Choices : Random
{
    private readonly Random? _random;
    private readonly long[] _given;
    private readonly List<long> _made = [];

    /// <summary>Free choice.</summary>
    public Choices(Random random) : base(0) => (_random, _given) = (random, []);

    /// <summary>These again; whoever asks for more gets zeros.</summary>
    public Choices(long[] given) : base(0) => _given = given;

    public long[] Made => [.. _made];

    public override int Next() => (int)Draw(int.MaxValue);

    public override int Next(int maxValue) => (int)Draw(maxValue);

    public override int Next(int minValue, int maxValue) => (int)(minValue + Draw((long)maxValue - minValue));

    public override long NextInt64() => Draw(long.MaxValue);

    public override long NextInt64(long maxValue) => Draw(maxValue);

    public override long NextInt64(long minValue, long maxValue) => minValue + Draw(maxValue - minValue is >= 0 and var count ? count : long.MaxValue);

    public override double NextDouble() => Draw(1L << 53) * (1.0 / (1L << 53));

    public override float NextSingle() => Draw(1L << 24) * (1.0f / (1L << 24));

    public override void NextBytes(byte[] buffer)
    {
        ArgumentNullException.ThrowIfNull(buffer);
        NextBytes(buffer.AsSpan());
    }

    public override void NextBytes(Span<byte> buffer)
    {
        for (var i = 0; i < buffer.Length; i++) buffer[i] = (byte)Draw(256);
    }

    protected override double Sample() => NextDouble();

    /// <summary>0 to <paramref name="count"/> - 1; 0 when there is no choice.</summary>
    private long Draw(long count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        if (count <= 1) return 0;
        var at = _made.Count;
        _made.Add(_random?.NextInt64(count) ?? (at < _given.Length ? Math.Min(_given[at], count - 1) : 0));
        return _made[at];
    }
}
