namespace Brook.Redis;

/// <summary>How a view lies in Redis.</summary>
public enum RedisLayout
{
    /// <summary>Brook for .NET's own: the faster one, with everything that Brook promises.</summary>
    Native,

    /// <summary>What Brook 0.6 for Elixir reads and writes (<c>Brook.Storage.Redis</c>), to share a view with it or to take one over. docs/elixir-layout.md says what is lost.</summary>
    ElixirBrook,
}

/// <summary>Which serializer the Elixir application has configured (<c>config :brook, :serializer</c>): how it marks an event in a log. Both are read.</summary>
public enum ElixirSerializer
{
    /// <summary><c>Brook.Serde</c>, the default of Brook: <c>"__brook_struct__":"Elixir.Brook.Event"</c>.</summary>
    BrookSerde,

    /// <summary><c>JsonSerde</c>, and <c>Brook.Legacy</c>: <c>"__data_type__":"Elixir.Brook.Event"</c>.</summary>
    JsonSerde,
}
