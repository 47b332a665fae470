-- The shop's tables and what is in them. May be run again at any time: it adds only what is missing.
-- Run as the role app in the database of the shop.
create table if not exists products (
  id integer primary key,
  name text not null,
  category text not null,
  price_cents integer not null check (price_cents >= 0),
  stock integer not null default 0
);

create table if not exists orders (
  id bigint generated always as identity primary key,
  customer text not null,
  product_id integer not null references products (id),
  quantity integer not null,
  total_cents bigint not null,
  created_at timestamptz not null default now()
);
create index if not exists orders_product_id on orders (product_id);
create index if not exists orders_created_at on orders (created_at);

create table if not exists accounts (
  name text primary key,
  salt text not null,
  password_sha256 text not null
);

insert into products (id, name, category, price_cents, stock)
select id,
       (array['Plain', 'Fine', 'Sturdy', 'Light', 'Warm'])[1 + id % 5] || ' '
         || (array['lamp', 'chair', 'kettle', 'shelf', 'blanket', 'bowl', 'clock'])[1 + id % 7]
         || ' no. ' || id,
       (array['kitchen', 'living', 'garden', 'office'])[1 + id % 4],
       499 + (id * 37) % 20000,
       (id * 13) % 500
from generate_series(1, 3000) as id
on conflict do nothing;

insert into orders (customer, product_id, quantity, total_cents, created_at)
select 'user' || (1 + n % 200), product.id, 1 + n % 3, product.price_cents * (1 + n % 3),
       now() - n * interval '7 minutes'
from generate_series(1, 5000) as n
join products product on product.id = 1 + (n * 17) % 3000
where not exists (select from orders);

insert into accounts (name, salt, password_sha256)
select 'user' || n, md5('salt' || n),
       encode(sha256(convert_to(md5('salt' || n) || 'password-' || n, 'UTF8')), 'hex')
from generate_series(1, 200) as n
on conflict do nothing;

analyze products, orders, accounts;
