namespace Brook.Postgres;

/// <summary>How values are kept.</summary>
public enum PostgresValues
{
    /// <summary>As they are, byte for byte. SQL queries them through the view <c>entries</c>, which has them as <c>json</c>.</summary>
    Text,

    /// <summary>As <c>jsonb</c>, which can be indexed. It normalises: blanks go, the order of properties changes, of a property that is there twice the last one stays, and numbers are written another way.</summary>
    Jsonb,
}
