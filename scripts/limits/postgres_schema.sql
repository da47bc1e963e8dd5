-- The limit that submissions on PostgreSQL are held against: its tables. 400,000 links, four to an episode.
create table link (id integer primary key, token text not null unique, episode bigint not null, used boolean not null default false);
insert into link (id, token, episode)
select n, 'link' || lpad(n::text, 8, '0'), n / 4 from generate_series(0, 399999) as n;
create table answer_sheet (
  id bigint generated always as identity primary key, token text not null, episode bigint not null, form integer not null,
  answers jsonb not null, total integer not null, raised integer not null, received timestamptz not null default now()
);
create index answer_sheet_by_episode on answer_sheet (episode, received);
vacuum analyze link;
