# SPDX-License-Identifier: Apache-2.0
"""Every instrumentor on the package index: what it is called, which import it waits for, what it supports.

Loaded in every child Python: constants, one loop, no imports. Which instrumentors are installed is not known
here; an installed one that is not in this table is found through its entry point instead.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal, TypeAlias

    Publisher: TypeAlias = Literal["opentelemetry", "openllmetry", "others"]
    Columns: TypeAlias = tuple[str, str, str, str, str]

PACKAGE_PREFIX = "opentelemetry-instrumentation-"
MODULE_PREFIX = "opentelemetry.instrumentation."

# Packages that only carry code for other instrumentors, and so have no row.
HELPER_PACKAGES = tuple(PACKAGE_PREFIX + name for name in ("asgi", "dbapi", "wsgi"))

# What the interpreter or a framework imports anyway, and what makes no spans of its own. The import of such a
# library starts nothing; its instrumentor is switched on once something else has started tracing.
AMBIENT = frozenset(
    (
        "asyncio",
        "click",
        "exceptions",
        "jinja2",
        "logging",
        "oslo_log",
        "re",
        "requestID",
        "sqlite3",
        "structlog",
        "system_metrics",
        "threading",
        "urllib",
    )
)

# Their own modules decide when tracing starts (instrumentation/django, instrumentation/flask); the import of
# Django or Flask alone does not. They have rows, but no place in TARGETS.
FIRST_PARTY = ("django", "flask")

# The columns of a row:
#   name          of the entry point, in the group opentelemetry_instrumentor
#   package       distribution, without PACKAGE_PREFIX
#   entry point   without MODULE_PREFIX, unless its module begins with opentelemetry_
#   targets       modules, blank-separated: when the first of them has been imported, it is the time to patch.
#                 `threading` means as soon as tracing starts, because the SDK imports it.
#   libraries     supported distributions and versions; `;` between those that are needed together,
#                 `|` between those of which one is enough

# By OpenTelemetry: contrib 0.66, and the last release of what has left it. Where a package has a successor
# under the same entry point name, the successor comes first.
_OPENTELEMETRY: tuple[Columns, ...] = (
    ("agno", "genai-agno", "genai.agno:AgnoInstrumentor", "agno", "agno >= 2.0.0, < 4"),
    ("aio-pika", "aio-pika", "aio_pika:AioPikaInstrumentor", "aio_pika", "aio_pika >= 7.2.0, < 11.0.0"),
    (
        "aiobotocore",
        "botocore",
        "botocore:AiobotocoreInstrumentor",
        "aiobotocore.client",
        "aiobotocore >= 2.0, < 4.0",
    ),
    (
        "aiohttp-client",
        "aiohttp-client",
        "aiohttp_client:AioHttpClientInstrumentor",
        "aiohttp",
        "aiohttp ~= 3.0",
    ),
    (
        "aiohttp-server",
        "aiohttp-server",
        "aiohttp_server:AioHttpServerInstrumentor",
        "aiohttp.web",
        "aiohttp ~= 3.0",
    ),
    ("aiokafka", "aiokafka", "aiokafka:AIOKafkaInstrumentor", "aiokafka", "aiokafka >= 0.8, < 1.0"),
    ("aiopg", "aiopg", "aiopg:AiopgInstrumentor", "aiopg", "aiopg >= 0.13.0, < 2.0.0"),
    (
        "anthropic",
        "genai-anthropic",
        "genai.anthropic:AnthropicInstrumentor",
        "anthropic",
        "anthropic >= 0.51.0, < 3",
    ),
    ("asyncclick", "asyncclick", "asyncclick:AsyncClickInstrumentor", "asyncclick", "asyncclick ~= 8.0"),
    ("asyncio", "asyncio", "asyncio:AsyncioInstrumentor", "asyncio", ""),
    ("asyncpg", "asyncpg", "asyncpg:AsyncPGInstrumentor", "asyncpg", "asyncpg >= 0.12.0"),
    ("aws-lambda", "aws-lambda", "aws_lambda:AwsLambdaInstrumentor", "awslambdaric", ""),
    ("bedrock", "genai-bedrock", "genai.bedrock:BedrockInstrumentor", "boto3", "boto3 >= 1.40.46, < 2"),
    ("boto", "boto", "boto:BotoInstrumentor", "boto.connection", "boto ~= 2.0"),
    ("boto3", "boto3sqs", "boto3sqs:Boto3SQSInstrumentor", "boto3", "boto3 ~= 1.0"),
    ("botocore", "botocore", "botocore:BotocoreInstrumentor", "botocore.client", "botocore ~= 1.0"),
    (
        "cassandra",
        "cassandra",
        "cassandra:CassandraInstrumentor",
        "cassandra.cluster",
        "cassandra-driver ~= 3.25 | scylla-driver ~= 3.25",
    ),
    ("celery", "celery", "celery:CeleryInstrumentor", "celery", "celery >= 4.0, < 6.0"),
    ("click", "click", "click:ClickInstrumentor", "click", "click >= 8.1.3, < 9.0.0"),
    (
        "confluent_kafka",
        "confluent-kafka",
        "confluent_kafka:ConfluentKafkaInstrumentor",
        "confluent_kafka",
        "confluent-kafka >= 1.8.2, < 3.0.0",
    ),
    ("django", "django", "django:DjangoInstrumentor", "django.core.handlers.base", "django >= 2.0"),
    ("dspy", "genai-dspy", "genai.dspy:DSPyInstrumentor", "dspy", "dspy >= 3.3.0, < 4"),
    (
        "elasticsearch",
        "elasticsearch",
        "elasticsearch:ElasticsearchInstrumentor",
        "elasticsearch",
        "elasticsearch >= 6.0",
    ),
    ("exceptions", "exceptions", "exceptions:UnhandledExceptionInstrumentor", "threading", ""),
    ("falcon", "falcon", "falcon:FalconInstrumentor", "falcon", "falcon >= 1.4.1, < 5.0.0"),
    ("fastapi", "fastapi", "fastapi:FastAPIInstrumentor", "fastapi", "fastapi ~= 0.92"),
    ("flask", "flask", "flask:FlaskInstrumentor", "flask", "flask >= 1.0"),
    (
        "google-genai",
        "google-genai",
        "google_genai:GoogleGenAiSdkInstrumentor",
        "google.genai",
        "google-genai >= 1.32.0, <3",
    ),
    ("grpc_aio_client", "grpc", "grpc:GrpcAioInstrumentorClient", "grpc", "grpcio >= 1.42.0"),
    ("grpc_aio_server", "grpc", "grpc:GrpcAioInstrumentorServer", "grpc", "grpcio >= 1.42.0"),
    ("grpc_client", "grpc", "grpc:GrpcInstrumentorClient", "grpc", "grpcio >= 1.42.0"),
    ("grpc_server", "grpc", "grpc:GrpcInstrumentorServer", "grpc", "grpcio >= 1.42.0"),
    ("httpx", "httpx", "httpx:HTTPXClientInstrumentor", "httpx", "httpx >= 0.18.0"),
    ("httpx2", "httpx", "httpx:HTTPX2ClientInstrumentor", "httpx2", "httpx2 >= 2.0.0"),
    ("jinja2", "jinja2", "jinja2:Jinja2Instrumentor", "jinja2", "jinja2 >= 2.7, < 4.0"),
    ("kafka", "kafka-python", "kafka:KafkaInstrumentor", "kafka", "kafka-python >= 2.0, < 4.0"),
    (
        "langchain",
        "genai-langchain",
        "genai.langchain:LangChainInstrumentor",
        "langchain_core.callbacks",
        "langchain >= 0.3.22, < 2",
    ),
    (
        "llama_index",
        "genai-llama-index",
        "genai.llama_index:LlamaIndexInstrumentor",
        "llama_index.core",
        (
            "llama-index-core >= 0.14.19, < 1; llama-index-instrumentation >= 0.4.3, < 1;"
            "llama-index-workflows >= 2.17.1, != 2.24.0, < 3"
        ),
    ),
    ("logging", "logging", "logging:LoggingInstrumentor", "logging", ""),
    ("mysql", "mysql", "mysql:MySQLInstrumentor", "mysql.connector", "mysql-connector-python >= 8.0"),
    ("mysqlclient", "mysqlclient", "mysqlclient:MySQLClientInstrumentor", "MySQLdb", "mysqlclient < 3"),
    ("openai", "genai-openai", "genai.openai:OpenAIInstrumentor", "openai", "openai >= 1.26.0, < 4"),
    ("openai", "openai-v2", "openai_v2:OpenAIInstrumentor", "openai", "openai >= 1.26.0"),
    (
        "openai_agents",
        "genai-openai-agents",
        "genai.openai_agents:OpenAIAgentsInstrumentor",
        "agents",
        "openai-agents >= 0.3.3, < 1",
    ),
    (
        "openai_agents",
        "openai-agents-v2",
        "openai_agents:OpenAIAgentsInstrumentor",
        "agents",
        "openai-agents >= 0.3.3",
    ),
    ("pika", "pika", "pika:PikaInstrumentor", "pika", "pika >= 0.12.0"),
    (
        "portkey",
        "genai-portkey",
        "genai.portkey:PortkeyInstrumentor",
        "portkey_ai",
        "portkey-ai >= 1.0.0, < 3",
    ),
    ("psycopg", "psycopg", "psycopg:PsycopgInstrumentor", "psycopg", "psycopg >= 3.1.0"),
    (
        "psycopg2",
        "psycopg2",
        "psycopg2:Psycopg2Instrumentor",
        "psycopg2",
        "psycopg2 >= 2.7.3.1 | psycopg2-binary >= 2.7.3.1",
    ),
    (
        "pymemcache",
        "pymemcache",
        "pymemcache:PymemcacheInstrumentor",
        "pymemcache",
        "pymemcache >= 1.3.5, < 5",
    ),
    ("pymongo", "pymongo", "pymongo:PymongoInstrumentor", "pymongo", "pymongo >= 3.1, < 5.0"),
    ("pymssql", "pymssql", "pymssql:PyMSSQLInstrumentor", "pymssql", "pymssql >= 2.1.5, < 3"),
    ("pymysql", "pymysql", "pymysql:PyMySQLInstrumentor", "pymysql", "PyMySQL < 2"),
    ("pyramid", "pyramid", "pyramid:PyramidInstrumentor", "pyramid.config", "pyramid >= 1.7"),
    (
        "qwen-agent",
        "genai-qwen-agent",
        "genai.qwen_agent:QwenAgentInstrumentor",
        "qwen_agent",
        "qwen-agent >= 0.0.20, < 1",
    ),
    ("qwenpaw", "genai-qwenpaw", "genai.qwenpaw:QwenPawInstrumentor", "qwenpaw", "qwenpaw >= 1.1.0, < 2.0.0"),
    ("redis", "redis", "redis:RedisInstrumentor", "redis", "redis >= 2.6"),
    ("remoulade", "remoulade", "remoulade:RemouladeInstrumentor", "remoulade", "remoulade >= 0.50"),
    ("requests", "requests", "requests:RequestsInstrumentor", "requests", "requests ~= 2.0"),
    ("sklearn", "sklearn", "sklearn:SklearnInstrumentor", "sklearn", "scikit-learn ~= 0.24.0"),
    (
        "smolagents",
        "genai-smolagents",
        "genai.smolagents:SmolagentsInstrumentor",
        "smolagents",
        "smolagents >= 1.24.0, < 2",
    ),
    (
        "sqlalchemy",
        "sqlalchemy",
        "sqlalchemy:SQLAlchemyInstrumentor",
        "sqlalchemy",
        "sqlalchemy >= 1.0.0, < 2.1.0",
    ),
    ("sqlite3", "sqlite3", "sqlite3:SQLite3Instrumentor", "sqlite3", ""),
    (
        "starlette",
        "starlette",
        "starlette:StarletteInstrumentor",
        "starlette.applications",
        "starlette >= 0.13",
    ),
    ("structlog", "structlog", "structlog:StructlogInstrumentor", "structlog", "structlog >= 21.1"),
    (
        "system_metrics",
        "system-metrics",
        "system_metrics:SystemMetricsInstrumentor",
        "threading",
        "psutil >= 5",
    ),
    ("threading", "threading", "threading:ThreadingInstrumentor", "threading", ""),
    (
        "tornado",
        "tornado",
        "tornado:TornadoInstrumentor",
        "tornado.web tornado.httpclient",
        "tornado >= 5.1.1",
    ),
    (
        "tortoiseorm",
        "tortoiseorm",
        "tortoiseorm:TortoiseORMInstrumentor",
        "tortoise",
        "tortoise-orm >= 0.17.0",
    ),
    ("urllib", "urllib", "urllib:URLLibInstrumentor", "urllib.request", ""),
    ("urllib3", "urllib3", "urllib3:URLLib3Instrumentor", "urllib3", "urllib3 >= 1.0.0, < 3.0.0"),
    (
        "vertexai",
        "vertexai",
        "vertexai:VertexAIInstrumentor",
        "vertexai google.cloud.aiplatform",
        "google-cloud-aiplatform >= 1.64",
    ),
)

# By OpenLLMetry (Traceloop), 0.62.
_OPENLLMETRY: tuple[Columns, ...] = (
    ("agno", "agno", "agno:AgnoInstrumentor", "agno", "agno >= 2.0.0"),
    (
        "aleph_alpha_client",
        "alephalpha",
        "alephalpha:AlephAlphaInstrumentor",
        "aleph_alpha_client",
        "aleph_alpha_client >= 7.1.0",
    ),
    ("anthropic", "anthropic", "anthropic:AnthropicInstrumentor", "anthropic", "anthropic >= 0.3.11"),
    ("boto3", "bedrock", "bedrock:BedrockInstrumentor", "boto3", "boto3 >= 1.28.57"),
    ("chromadb", "chromadb", "chromadb:ChromaInstrumentor", "chromadb", "chromadb >= 0.3"),
    ("cohere", "cohere", "cohere:CohereInstrumentor", "cohere", "cohere >=4.2.7, <6"),
    ("crewai", "crewai", "crewai:CrewAIInstrumentor", "crewai", "crewai >= 1.0.0"),
    (
        "google_generativeai",
        "google-generativeai",
        "google_generativeai:GoogleGenerativeAiInstrumentor",
        "google.genai",
        "google-genai",
    ),
    ("groq", "groq", "groq:GroqInstrumentor", "groq", "groq >= 0.9.0"),
    ("haystack-ai", "haystack", "haystack:HaystackInstrumentor", "haystack", "haystack-ai >= 2.0.0"),
    (
        "ibm-watson-machine-learning",
        "watsonx",
        "watsonx:WatsonxInstrumentor",
        "ibm_watsonx_ai ibm_watson_machine_learning",
        "ibm-watson-machine-learning >= 1.0.333",
    ),
    ("lancedb", "lancedb", "lancedb:LanceInstrumentor", "lancedb", "lancedb >= 0.9.0"),
    (
        "langchain",
        "langchain",
        "langchain:LangchainInstrumentor",
        "langchain_core.callbacks",
        "langchain-core > 0.1.0",
    ),
    ("litellm", "litellm", "litellm:LiteLLMInstrumentor", "litellm", "litellm >= 1.0.0"),
    (
        "llama-index",
        "llamaindex",
        "llamaindex:LlamaIndexInstrumentor",
        "llama_index.core",
        "llama-index-core >= 0.7.0 | llama-index >= 0.7.0",
    ),
    ("marqo", "marqo", "marqo:MarqoInstrumentor", "marqo", "marqo >= 3.5.1"),
    ("mcp", "mcp", "mcp:McpInstrumentor", "mcp", "mcp >= 1.6.0"),
    ("milvus", "milvus", "milvus:MilvusInstrumentor", "pymilvus", "pymilvus >= 2.4.1"),
    ("mistralai", "mistralai", "mistralai:MistralAiInstrumentor", "mistralai", "mistralai >= 1.0.0"),
    ("ollama", "ollama", "ollama:OllamaInstrumentor", "ollama", "ollama >= 0.1.0, < 1"),
    ("openai", "openai", "openai:OpenAIInstrumentor", "openai", "openai >= 0.27.0"),
    (
        "openai_agents",
        "openai-agents",
        "openai_agents:OpenAIAgentsInstrumentor",
        "agents",
        "openai-agents >= 0.2.0",
    ),
    ("pinecone_client", "pinecone", "pinecone:PineconeInstrumentor", "pinecone", "pinecone >= 5.1.0, <9"),
    ("qdrant_client", "qdrant", "qdrant:QdrantInstrumentor", "qdrant_client", "qdrant-client >= 1.7"),
    ("replicate", "replicate", "replicate:ReplicateInstrumentor", "replicate", "replicate >= 0.22.0"),
    ("sagemaker", "sagemaker", "sagemaker:SageMakerInstrumentor", "boto3", "boto3 >= 1.28.57"),
    ("together", "together", "together:TogetherAiInstrumentor", "together", "together >= 1.2.0, <2"),
    (
        "transformers",
        "transformers",
        "transformers:TransformersInstrumentor",
        "transformers",
        "transformers >= 4.0",
    ),
    ("voyageai", "voyageai", "voyageai:VoyageAIInstrumentor", "voyageai", "voyageai >= 0.3.0"),
    (
        "weaviate_client",
        "weaviate",
        "weaviate:WeaviateInstrumentor",
        "weaviate",
        "weaviate-client >= 3.26.0, <5",
    ),
    ("writer", "writer", "writer:WriterInstrumentor", "writerai", "writer-sdk >= 2.2.1, < 3"),
)

# By anybody else: used when a user has installed them, never recommended.
_OTHERS: tuple[Columns, ...] = (
    ("absurd", "absurd", "absurd:AbsurdInstrumentor", "absurd_sdk", "absurd-sdk >= 0.4.0"),
    ("aerospike", "aerospike", "aerospike:AerospikeInstrumentor", "aerospike", "aerospike >= 17.0.0"),
    (
        "aliyun-ons-http",
        "aliyun-ons-http",
        "aliyun_ons_http:AliyunOnsHttpInstrumentor",
        "mq_http_sdk.mq_client",
        "mq_http_sdk >1.0.0,<2.0.0",
    ),
    (
        "amgi_sqs_event_source_mapping",
        "amgi-sqs-event-source-mapping",
        "amgi_sqs_event_source_mapping:SqsEventSourceMappingInstrumentor",
        "amgi_sqs_event_source_mapping",
        "amgi-sqs-event-source-mapping >= 0.37.0",
    ),
    ("arq", "arq", "arq:ArqInstrumentor", "arq", "arq < 1.0.0"),
    ("asyncfast", "asyncfast", "asyncfast:AsyncFastInstrumentor", "asyncfast", "asyncfast >= 0.36.0"),
    ("dagster", "dagster", "dagster:DagsterInstrumentor", "dagster", "dagster >= 1.10"),
    (
        "django_q2",
        "django-q2-full-of-juice",
        "opentelemetry_instrumentation_django_q2:DjangoQ2Instrumentor",
        "django_q.tasks",
        "django-q2 >= 1.10.0 | django-q2-full-of-juice >= 0.1.0",
    ),
    (
        "elasticsearch",
        "elasticsearch-fixed-sanitizer",
        "elasticsearch:ElasticsearchInstrumentor",
        "elasticsearch",
        "elasticsearch >= 6.0",
    ),
    ("eodag", "eodag", "eodag:EODAGInstrumentor", "eodag", "eodag > 2.0.0.dev0"),
    ("eopf", "eopf", "eopf:EopfInstrumentor", "eopf", "eopf > 2.5.0"),
    ("eventiq", "eventiq", "eventiq:EventiqInstrumentator", "eventiq", "eventiq >= 1.0.0"),
    ("fmpy", "fmpy", "fmpy:FmpyInstrumentor", "fmpy", "fmpy >= 0.3.0"),
    (
        "google_api_client",
        "google-api-client",
        "google_api_client:GoogleApiClientInstrumentor",
        "googleapiclient.discovery",
        "google-api-python-client >= 2.0.0",
    ),
    (
        "google_re2",
        "re",
        "opentelemetry_instrumentation_re:GoogleRe2Instrumentor",
        "re2",
        "google-re2 >= 1.0",
    ),
    (
        "keystoneauth1",
        "keystoneauth1",
        "keystoneauth1:KeystoneAuth1Instrumentor",
        "keystoneauth1.session",
        "keystoneauth1",
    ),
    (
        "keystonemiddleware",
        "keystonemiddleware",
        "keystonemiddleware:KeystoneMiddlewareInstrumentor",
        "keystonemiddleware.auth_token",
        "keystonemiddleware",
    ),
    (
        "kstreams",
        "kstreams",
        "opentelemetry_instrumentation_kstreams:KStreamsInstrumentor",
        "kstreams",
        "kstreams >= 0.17.0",
    ),
    (
        "langchain",
        "langchain-tk-karini",
        "langchain:LangchainInstrumentor",
        "langchain_core.callbacks",
        "langchain-core > 0.1.0",
    ),
    ("memorysync", "memorysync", "memorysync:MemorySyncInstrumentor", "memorysync", "memorysync >= 1.8.0"),
    ("niquests", "niquests", "niquests:NiquestsInstrumentor", "niquests", "niquests >= 3.0, < 4"),
    ("openai", "openai-tk-karini", "openai:OpenAIInstrumentor", "openai", "openai >= 0.27.0"),
    ("openstacksdk", "openstacksdk", "openstacksdk:OpenStackSDKInstrumentor", "openstack", "openstacksdk"),
    ("oracledb", "oracledb", "oracledb:OracleDBInstrumentor", "oracledb", "oracledb >= 2.0"),
    ("oslo_log", "oslo-log", "oslo_log:OsloLogInstrumentor", "oslo_log", "oslo.log"),
    (
        "oslo_messaging",
        "oslo-messaging",
        "oslo_messaging:OsloMessagingInstrumentor",
        "oslo_messaging",
        "oslo.messaging",
    ),
    ("oslo_service", "oslo-service", "oslo_service:OsloServiceInstrumentor", "oslo_service", "oslo.service"),
    ("peewee", "peewee", "peewee:PeeweeInstrumentor", "peewee", "peewee >= 3.0.18"),
    ("pixeltable", "pixeltable", "pixeltable:PixeltableInstrumentor", "pixeltable", "pixeltable >= 0.7.4"),
    (
        "procrastinate",
        "procrastinate",
        "procrastinate:ProcrastinateAppInstrumentor",
        "procrastinate",
        "procrastinate ~= 3.0",
    ),
    ("ray_serve", "ray-serve", "ray.serve:RayServeInstrumentor", "ray.serve", "ray >= 2.7"),
    ("re", "re", "opentelemetry_instrumentation_re:ReInstrumentor", "threading", ""),
    ("regex", "re", "opentelemetry_instrumentation_re:RegexInstrumentor", "regex", "regex >= 2021.0"),
    ("requestID", "requestID", "xrequest:RequestIdPropagatorInstrumentor", "threading", ""),
    ("sanic", "sanic", "sanic:SanicInstrumentor", "sanic", "sanic >= 20.12.0"),
    (
        "simplerr",
        "simplerr",
        "simplerr:SimplerrInstrumentor",
        "simplerr.dispatcher",
        "simplerr >= 0.18.2.dev3",
    ),
    ("taskflow", "taskflow", "taskflow:TaskflowInstrumentor", "taskflow.engines", "taskflow"),
)


class Instrumentor:
    """One row.

    name: of its entry point; several packages may offer an instrumentor under one name.
    package: the distribution that brings it.
    entry_point: `module:Class`.
    targets: modules; the instrumentor is switched on right after the first of them has been imported.
    libraries: (distribution, version specifier), as the instrumentor declares them; empty when it needs none.
    any_of: whether one of the libraries is enough; otherwise all are needed.
    ambient: whether the import of a target is no reason to start tracing.
    publisher: who writes it.
    """

    __slots__ = ("ambient", "any_of", "entry_point", "libraries", "name", "package", "publisher", "targets")

    def __init__(self, columns: Columns, publisher: Publisher) -> None:
        name, package, entry_point, targets, libraries = columns
        self.name = name
        self.package = PACKAGE_PREFIX + package
        self.entry_point = _full(entry_point)
        self.targets = tuple(targets.split())
        self.any_of = "|" in libraries
        self.libraries = tuple(_library(one) for one in libraries.split("|" if self.any_of else ";") if one)
        self.ambient = name in AMBIENT
        self.publisher: Publisher = publisher


def row(name: str) -> Instrumentor:
    """The row to recommend for an entry point name: OpenTelemetry's own first. KeyError when unknown."""
    return rows(name)[0]


def rows(name: str) -> tuple[Instrumentor, ...]:
    """Every package's instrumentor of that name, at least one. KeyError when unknown."""
    return tuple(Instrumentor(columns, publisher) for columns, publisher in _BY_NAME[name])


def module_of(name: str) -> str:
    """The module of row(name), without building the row. KeyError when unknown."""
    return modules_of(name)[0]


def modules_of(name: str) -> tuple[str, ...]:
    """The modules of rows(name), without building the rows. KeyError when unknown."""
    return tuple(_full(columns[2]).partition(":")[0] for columns, _ in _BY_NAME[name])


def _full(entry_point: str) -> str:
    return entry_point if entry_point.startswith("opentelemetry_") else MODULE_PREFIX + entry_point


def _library(requirement: str) -> tuple[str, str]:
    distribution, _, specifier = requirement.strip().partition(" ")
    return distribution, specifier


def _index() -> None:
    sections: tuple[tuple[Publisher, tuple[Columns, ...]], ...] = (
        ("opentelemetry", _OPENTELEMETRY),
        ("openllmetry", _OPENLLMETRY),
        ("others", _OTHERS),
    )
    for publisher, section in sections:
        for columns in section:
            name = columns[0]
            _BY_NAME.setdefault(name, []).append((columns, publisher))
            if name in FIRST_PARTY:
                continue
            for target in columns[3].split():
                names = TARGETS.get(target, ())
                if name not in names:
                    TARGETS[target] = (*names, name)


_BY_NAME: dict[str, list[tuple[Columns, Publisher]]] = {}

TARGETS: dict[str, tuple[str, ...]] = {}
"""Module -> names of the instrumentors that wait for its import, the ambient ones included."""

_index()

NAMES = _BY_NAME.keys()
"""The entry point names of all rows."""
